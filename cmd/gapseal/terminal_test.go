package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// Messages fit a terminal, commands stay in one piece, and nothing from outside
// begins a line.
func TestSayFolds(t *testing.T) {
	command := "  gapseal register check " + strings.Repeat("folder/", 12)
	var b strings.Builder
	say(&b, "%s\n%s\n%s", strings.Repeat("word ", 20), command, strings.Repeat("more ", 20))
	want := "gapseal: " + strings.TrimSpace(strings.Repeat("word ", 14)) + "\n         " + strings.TrimSpace(strings.Repeat("word ", 6)) + "\n" +
		command + "\n" + strings.TrimSpace(strings.Repeat("more ", 16)) + "\n  " + strings.TrimSpace(strings.Repeat("more ", 4)) + "\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}

// To run a command again is advised where that may help.
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
