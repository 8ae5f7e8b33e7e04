package term

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal returns the two ends of a pseudo terminal of 80 columns.
func openTerminal(t *testing.T) (control, terminal *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	fd := int(control.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { control.Close(); terminal.Close() })
	return control, terminal
}

// onTerminal runs f on a terminal and returns everything that was written to it.
func onTerminal(t *testing.T, f func(w *os.File)) string {
	t.Helper()
	const end = "<last words>"
	control, terminal := openTerminal(t)
	seen := make(chan string)
	go func() {
		var all strings.Builder
		buf := make([]byte, 4096)
		for !strings.HasSuffix(all.String(), end) {
			n, err := control.Read(buf)
			if err != nil {
				break
			}
			all.Write(buf[:n])
		}
		seen <- all.String()
	}()
	f(terminal)
	fmt.Fprint(terminal, end)
	return strings.TrimSuffix(<-seen, end)
}

func addConcurrently(b *Bar, times int, n int64) {
	var wg sync.WaitGroup
	for range times {
		wg.Go(func() { b.Add(n) })
	}
	wg.Wait()
}

const clearLine = "\x1b[1A\x1b[J" // up to the bar's line, and erase from there

func TestSuccessLeavesTheLine(t *testing.T) {
	t.Setenv("TERM", "xterm")
	out := onTerminal(t, func(w *os.File) {
		b := New(w, "pull app", 16<<20)
		addConcurrently(b, 64, 256<<10)
		b.Done(true)
		b.Done(true)
		b.Add(1)
	})
	last := out[strings.LastIndex(out, clearLine)+1:]
	if !strings.Contains(last, "pull app  16.0 MiB / 16.0 MiB") || !strings.HasSuffix(last, "\r\n") {
		t.Errorf("the last line is %q", last)
	}
}

// TestLinesAboveTheLine wants a message that is written meanwhile to stay, above the
// line.
func TestLinesAboveTheLine(t *testing.T) {
	t.Setenv("TERM", "xterm")
	out := onTerminal(t, func(w *os.File) {
		b := New(w, "pull app", 100)
		Say(b.Above(w), "waiting")
		b.Add(100)
		b.Done(true)
	})
	if n := strings.Count(out, "gapseal: waiting\r\n"); n != 1 {
		t.Errorf("the message is written %d times: %q", n, out)
	}
	if i := strings.LastIndex(out, "pull app"); i < strings.Index(out, "gapseal: waiting") {
		t.Errorf("the line is not below: %q", out)
	}
}

func TestFailureClearsTheLine(t *testing.T) {
	t.Setenv("TERM", "xterm")
	out := onTerminal(t, func(w *os.File) {
		b := New(w, "pull app", 16<<20)
		b.Add(1 << 20)
		b.Done(false)
	})
	if !strings.Contains(out, "pull app") || !strings.HasSuffix(out, clearLine) {
		t.Errorf("got %q, which leaves the line standing", out)
	}
}

func TestUnknownTotal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	out := onTerminal(t, func(w *os.File) {
		b := New(w, "pull app", 0)
		addConcurrently(b, 4, 256<<10)
		b.Done(true)
	})
	if !strings.Contains(out, "pull app  1.0 MiB") || strings.Contains(out, "/ 0") {
		t.Errorf("got %q", out)
	}
}

func TestDumbTerminalStaysSilent(t *testing.T) {
	t.Setenv("TERM", "dumb")
	out := onTerminal(t, func(w *os.File) {
		b := New(w, "pull app", 10)
		b.Add(10)
		b.Done(true)
	})
	if out != "" {
		t.Errorf("got %q", out)
	}
}

func BenchmarkAdd(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	bar := start(null, "pull", 1<<40)
	for b.Loop() {
		bar.Add(1 << 18)
	}
	bar.Done(true)
}
