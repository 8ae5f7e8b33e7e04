package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// captured runs a command in this process and returns its exit code and what it
// wrote to stderr.
func captured(t *testing.T, action func() error) (int, string) {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := &cobra.Command{Use: "try", RunE: func(*cobra.Command, []string) error { return action() }}
	code := run(t.Context(), c, []string{}, stdio{os.Stdin, &stdout{file: file}, file})
	raw, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	return code, string(raw)
}

// CVE-2026-44310: a panic that exits with 0.
func TestAPanicIsNoVerdict(t *testing.T) {
	code, stderr := captured(t, func() error { panic("a fault\x1b[2J") })
	if code != exitNoVerdict {
		t.Errorf("exit code %d, want %d", code, exitNoVerdict)
	}
	for _, want := range []string{
		`gapseal: internal fault: a fault\x1b[2J` + "\n", "This is no verdict.", "main_test.go",
	} {
		if !strings.Contains(stderr, want) {
			t.Errorf("want %q in %s", want, stderr)
		}
	}
}

func TestExitCodes(t *testing.T) {
	rejected := &verify.Error{Report: &verify.Report{}}
	for name, c := range map[string]struct {
		err  error
		want int
	}{
		"nothing":              {nil, exitVerified},
		"rejected":             {reported{rejected}, exitRejected},
		"a fault of content":   {fmt.Errorf("layer: %w", &check.Fault{ID: check.BlobDigest}), exitRejected},
		"rejected and more":    {errors.Join(rejected, context.Canceled), exitRejected},
		"usage":                {usagef("no such flag"), exitNoVerdict},
		"interrupted":          {fmt.Errorf("read: %w", context.Canceled), exitInterrupted},
		"no such file":         {&fs.PathError{Op: "open", Err: syscall.ENOENT}, exitSystem},
		"a full disk":          {fmt.Errorf("write: %w", syscall.ENOSPC), exitSystem},
		"a failed rename":      {&os.LinkError{Op: "rename", Err: syscall.EACCES}, exitSystem},
		"a broken pipe":        {syscall.EPIPE, exitSystem},
		"a broken connection":  {&net.OpError{Op: "write", Err: syscall.EPIPE}, exitNoVerdict},
		"a network that fails": {errors.New("no such host"), exitNoVerdict},
	} {
		if code, _ := captured(t, func() error { return c.err }); code != c.want {
			t.Errorf("%s: exit code %d, want %d", name, code, c.want)
		}
	}
}

// The text of an error may come from outside; its line breaks are gapseal's own.
func TestErrorsAreSafeForATerminal(t *testing.T) {
	_, stderr := captured(t, func() error { return errors.New("a\x1b[2J\u202eb\nNothing was written.") })
	if want := `gapseal: a\x1b[2J\u{202e}b` + "\nNothing was written.\n"; stderr != want {
		t.Errorf("stderr %q, want %q", stderr, want)
	}
	_, stderr = captured(t, func() error { return fmt.Errorf("read: %w\nRun it again.", context.Canceled) })
	if want := "gapseal: interrupted\nRun it again.\n"; stderr != want {
		t.Errorf("stderr %q, want %q", stderr, want)
	}
}

func TestHideUser(t *testing.T) {
	for in, want := range map[string]string{
		"https://u:p@host/key.pub?token=secret#x": "https://host/key.pub",
		"https://host/key.pub":                    "https://host/key.pub",
		"https://u:p%zz@host":                     "(unreadable URL)",
	} {
		if got := hideUser(in); got != want {
			t.Errorf("hideUser(%q) = %q, want %q", in, got, want)
		}
	}
}

// A large file is not a key, whatever it begins with.
func TestAnchorsAreSmall(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.pub")
	if err := os.WriteFile(path, bytes.Repeat([]byte("A"), maxAnchor+1), 0o600); err != nil {
		t.Fatal(err)
	}
	usage := (*usageError)(nil)
	_, err := readAnchor("--key", path)
	if !errors.As(err, &usage) || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("readAnchor: %v", err)
	}
}

func TestOutputRemembersTheFirstFailure(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	o := &stdout{file: write}
	if _, err := io.WriteString(o, "x"); err != nil || o.failed != nil {
		t.Fatalf("a good write: %v, %v", err, o.failed)
	}
	read.Close()
	write.Close()
	if _, err := io.WriteString(o, "x"); !errors.Is(err, os.ErrClosed) || !errors.Is(o.failed, os.ErrClosed) {
		t.Errorf("a failed write: %v, remembered %v", err, o.failed)
	}
}
