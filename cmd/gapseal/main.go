// Command gapseal carries signed container images across an air gap in one
// file, and proves on the far side, with no network, that the file is exactly
// what was signed, and nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/register"
)

// patience is how long an interrupted command may take to clean up. One that
// waits for a pipe or a dead disk would not notice the interrupt at all.
const patience = 3 * time.Second

func main() {
	// A broken pipe is then an error like others, and gets its exit code.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, commands(), os.Args[1:], stdio{os.Stdin, &output{file: os.Stdout}, os.Stderr})
	}()
	os.Exit(wait(ctx, stop, done))
}

// wait returns the exit code of the command. A second interrupt ends it at once.
func wait(ctx context.Context, stop func(), done <-chan int) int {
	select {
	case code := <-done:
		return code
	case <-ctx.Done():
	}
	stop()
	select {
	case code := <-done:
		return code
	case <-time.After(patience):
		fmt.Fprintln(os.Stderr, "gapseal: interrupted")
		return exitInterrupted
	}
}

// The exit codes, as every help text shows them.
const (
	exitVerified    = 0
	exitRejected    = 1
	exitNoVerdict   = 2
	exitSystem      = 3
	exitInterrupted = 130

	exitCodes = `Exit codes:
  0    verified, or done
  1    rejected; a truncated or damaged bundle is rejected
  2    no verdict: usage, a source that cannot be reached, a fault of gapseal
  3    the operating system refused a read or write
  130  interrupted
`
)

// usageError says that the request itself was wrong.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// told marks an error whose story has been written out already.
type told struct{ error }

func (t told) Unwrap() error { return t.error }

// conclude writes what there is to say of err and returns the exit code.
func conclude(w io.Writer, err error) int {
	code := exitCode(err)
	if err == nil || errors.As(err, new(told)) {
		return code
	}
	msg := err.Error()
	if code == exitInterrupted {
		_, advice, _ := strings.Cut(msg, "\n")
		msg = strings.TrimSpace("interrupted\n" + advice)
	}
	term.Say(w, "%s", msg)
	return code
}

func exitCode(err error) int {
	var (
		rejected *verify.Error
		fault    *check.Fault
		usage    *usageError
	)
	switch {
	case err == nil:
		return exitVerified
	case errors.As(err, &rejected), errors.As(err, &fault), errors.As(err, new(*register.Fault)), errors.As(err, new(*receipt.RefusedError)):
		return exitRejected
	case errors.As(err, &usage):
		return exitNoVerdict
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case isSystem(err):
		return exitSystem
	}
	return exitNoVerdict
}

// again advises to run a command once more where that may help: after an
// interrupt, or a fault of the network that may pass.
func again(err error, name string) string {
	passing := (interface{ Temporary() bool })(nil)
	network := errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(net.Error)) || errors.As(err, &passing) && passing.Temporary()
	if errors.Is(err, context.Canceled) || network && !isSystem(err) {
		return " Run the same " + name + " again."
	}
	return ""
}

// isSystem tells a refused read or write of a file from a network's faults.
func isSystem(err error) bool {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return false
	}
	var path *fs.PathError
	var link *os.LinkError
	return errors.As(err, &path) || errors.As(err, &link) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOSPC)
}
