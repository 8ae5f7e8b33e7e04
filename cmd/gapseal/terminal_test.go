package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

// The advice to run a command again is given where that may help.
func TestAgain(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"interrupted":         {fmt.Errorf("read: %w", context.Canceled), true},
		"a broken connection": {&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, true},
		"a full disk":         {&fs.PathError{Op: "write", Path: "app.tar", Err: syscall.ENOSPC}, false},
		"not found":           {errors.New("not found"), false},
		"usage":               {usagef("there already"), false},
	} {
		if got := again(c.err, "export") != ""; got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
