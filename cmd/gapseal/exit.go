package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/load"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/register"
)

// The exit codes, as the overview and a help topic list them.
const (
	exitVerified    = 0
	exitRejected    = 1
	exitNoVerdict   = 2
	exitSystem      = 3
	exitInterrupted = 130

	exitCodes = `Exit codes:
  0    verified, or done
  1    rejected (a truncated or damaged bundle, too), or not all was loaded
       (load --dry-run: or not all would be)
  2    no verdict: usage, a source that cannot be reached, a fault of gapseal
  3    the operating system refused a read or write
  130  interrupted
`
)

// conclude writes the message of err, if it has not been reported, and returns
// the exit code.
func conclude(w io.Writer, err error) int {
	code := exitCode(err)
	if err == nil || errors.As(err, new(reported)) {
		return code
	}
	msg := err.Error()
	if code == exitInterrupted {
		_, advice, _ := strings.Cut(msg, "\n")
		msg = strings.TrimSpace("interrupted\n" + advice)
	}
	term.Say(w, "%s%s", msg, adviseRegister(err))
	return code
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return exitVerified
	case isRejection(err):
		return exitRejected
	case errors.As(err, new(*usageError)):
		return exitNoVerdict
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	case isSystem(err):
		return exitSystem
	}
	return exitNoVerdict
}

// isRejection reports whether err rejects a bundle, a register or a receipt, or says that
// images of a verified bundle were not loaded.
func isRejection(err error) bool {
	return errors.As(err, new(*verify.Error)) || errors.As(err, new(*check.Fault)) ||
		errors.As(err, new(*register.Fault)) || errors.As(err, new(*receipt.RefusedError)) ||
		errors.As(err, new(*load.Error))
}

// isSystem reports whether the operating system refused to read or write a file.
// Network faults do not count.
func isSystem(err error) bool {
	if errors.As(err, new(*net.OpError)) {
		return false
	}
	return errors.As(err, new(*fs.PathError)) || errors.As(err, new(*os.LinkError)) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ENOSPC)
}

// again advises the user to repeat a command if that may help: after an interrupt, or
// after a network fault that may be temporary.
func again(err error, name string) string {
	if errors.Is(err, context.Canceled) || isNetwork(err) && !isSystem(err) && !isLasting(err) {
		return " Run the same " + name + " again."
	}
	return ""
}

// isLasting reports whether a host cannot be reached for a reason that time does not mend,
// such as a certificate or a name.
func isLasting(err error) bool {
	connect := (*registry.ConnectError)(nil)
	return errors.As(err, &connect) && connect.Cause != registry.CauseSilent &&
		connect.Cause != registry.CauseUnreachable && connect.Cause != registry.CauseProxy
}

func isNetwork(err error) bool {
	passing := (interface{ Temporary() bool })(nil)
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, new(net.Error)) ||
		errors.As(err, &passing) && passing.Temporary()
}
