package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/register"
)

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
	say(w, "%s", msg)
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
