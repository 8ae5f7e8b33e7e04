package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	runLimit   = 2 * time.Minute       // for a tool to finish
	readyLimit = time.Minute           // for a service to answer
	stopLimit  = 5 * time.Second       // for a service to stop after SIGTERM
	pollPeriod = 20 * time.Millisecond // between two polls of a starting service
)

// result is the exit code and the output of a program.
type result struct {
	line           string
	code           int
	stdout, stderr []byte
}

func (r result) String() string {
	return fmt.Sprintf("$ %s\nexit code %d\n--- stdout\n%s\n--- stderr\n%s", r.line, r.code, r.stdout, r.stderr)
}

// command prepares the tool with that name (or any program, given by its full path)
// with the lab's environment. When the test ends, the program and its children are
// killed.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runLimit)
	t.Cleanup(cancel)
	return stack.command(ctx, name, args...)
}

func (l *lab) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(name) {
		name = toolPath(name)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = slices.Clone(l.env)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = stopLimit
	return cmd
}

// execute runs cmd and waits for it. An exit code other than 0 is not an error.
func execute(cmd *exec.Cmd) (result, error) {
	var stdout, stderr bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	cmd.Stderr = &stderr
	err := cmd.Run()
	done := result{line: strings.Join(cmd.Args, " "), stdout: stdout.Bytes(), stderr: stderr.Bytes()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return done, fmt.Errorf("%s: %w", done, err)
	}
	done.code = cmd.ProcessState.ExitCode()
	return done, nil
}

// succeed runs cmd. For an exit code other than 0, the error contains all output.
func succeed(cmd *exec.Cmd) error {
	done, err := execute(cmd)
	if err == nil && done.code != 0 {
		err = errors.New(done.String())
	}
	return err
}

// wantExit runs cmd and requires this exit code.
func wantExit(t *testing.T, code int, cmd *exec.Cmd) result {
	t.Helper()
	done, err := execute(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if done.code != code {
		t.Fatalf("want exit code %d from\n%s", code, done)
	}
	return done
}
