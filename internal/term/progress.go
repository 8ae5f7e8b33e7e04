// Package term shows on a terminal how far a long transfer has come.
package term

import (
	"os"
	"runtime"
	"strings"
	"sync"
	"unicode"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// Bar is one line of progress. A nil Bar shows nothing and may be used alike.
type Bar struct {
	box  *mpb.Progress
	bar  *mpb.Bar
	once sync.Once
}

// New starts a line on w that shows label, bytes done of total, rate and
// remaining time; without a known total (0 or less) bytes and rate alone.
// Where a moving line cannot be shown, on anything but a terminal or on one
// that calls itself dumb, it returns nil. The line has no colour, so NO_COLOR
// asks nothing of it. Until [Bar.Done] nothing else may print to w.
func New(w *os.File, label string, total int64) *Bar {
	if w == nil || !term.IsTerminal(int(w.Fd())) || isDumb(os.Getenv("TERM")) {
		return nil
	}
	return start(w, label, total)
}

// isDumb takes a missing TERM for a dumb terminal, except on Windows, whose
// consoles do not set it.
func isDumb(term string) bool {
	return term == "dumb" || term == "" && runtime.GOOS != "windows"
}

func start(w *os.File, label string, total int64) *Bar {
	box := mpb.New(mpb.WithOutput(w))
	rate := decor.AverageSpeed(decor.SizeB1024(0), "% .1f", decor.WC{W: len("1000.0 MiB/s") + 1})
	name := decor.Name(printable(label) + "  ")
	if total <= 0 {
		bar := box.New(0, mpb.NopStyle(), mpb.PrependDecorators(name, decor.CurrentKibiByte("% .1f"), rate))
		return &Bar{box: box, bar: bar}
	}
	// Made with total 0, since mpb ends a bar that reaches the total it was
	// made with, and the end is for Done to declare.
	bar := box.New(0, mpb.BarStyle(),
		mpb.PrependDecorators(name, decor.CountersKibiByte("% .1f / % .1f")),
		mpb.AppendDecorators(rate, decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	bar.SetTotal(total, false)
	return &Bar{box: box, bar: bar}
}

// Add counts n more bytes. It is safe for concurrent use, does not wait for
// the terminal, and does nothing after Done.
func (b *Bar) Add(n int64) {
	if b != nil {
		b.bar.IncrInt64(n)
	}
}

// Done ends the line and returns when the terminal is free: after a success
// (ok) the last state stays as a line of its own, else the line is cleared.
// Further calls do nothing.
func (b *Bar) Done(ok bool) {
	if b == nil {
		return
	}
	b.once.Do(func() {
		if ok {
			b.bar.SetTotal(-1, true) // what was done is the total now
		} else {
			b.bar.Abort(true)
		}
		b.box.Wait()
	})
}

// printable keeps a name that came from elsewhere from moving the cursor.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
