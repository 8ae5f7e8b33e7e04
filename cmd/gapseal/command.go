package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// stdio is where a command reads and writes.
type stdio struct {
	in  *os.File
	out *stdout
	err *os.File
}

// stdout is standard output. It remembers why an answer was not written, such as a
// failed write: the command must not exit with 0 then.
type stdout struct {
	file   *os.File
	failed error
}

func (o *stdout) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if err != nil && o.failed == nil {
		o.failed = err
	}
	return n, err
}

// forgiveClosedPipe forgets a write that failed because the reader closed the pipe, as
// head and less do. A command whose answer matters must not call it.
func (o *stdout) forgiveClosedPipe() {
	if errors.Is(o.failed, syscall.EPIPE) {
		o.failed = nil
	}
}

// usageError says that the request itself was wrong.
type usageError struct{ msg string }

func (e *usageError) Error() string { return e.msg }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Sprintf(format, args...)}
}

// reported wraps an error that the command has already explained to the user: it
// sets the exit code, and its message is not written again.
type reported struct{ error }

func (r reported) Unwrap() error { return r.error }

// clock is the host's; tests judge real evidence as of a fixed time.
var clock = time.Now

// action runs a command with its arguments.
type action func(ctx context.Context, args []string, std stdio) error

// runs makes an action the RunE of a command.
func runs(std stdio, do action) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error { return do(c.Context(), args, std) }
}

// group makes c a command that only holds others.
func group(c *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	c.Args = unknownCommand
	c.RunE = func(c *cobra.Command, _ []string) error {
		return usagef("%s wants one of: %s; %s --help shows how", c.Name(), names(c), c.CommandPath())
	}
	c.SuggestionsMinimumDistance = suggestionDistance
	c.AddCommand(commands...)
	return c
}

// takes demands exactly n arguments, which what describes.
func takes(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return usagef("%s takes %s, found %d; %s --help shows how", spelled(c), what, len(args), c.CommandPath())
	}
}

// spelled returns the name of a command without the name of the program.
func spelled(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}

// A name is suggested in place of a mistyped one if it begins with what was typed, or
// differs from it in at most suggestionDistance letters.
const (
	suggestionDistance = 2
	maxMistyped        = 64 // longer names get no suggestion, since comparing takes time and memory
)

// suggestions returns the commands of c that a mistyped one may mean.
func suggestions(c *cobra.Command, typed string) []string {
	if len(typed) > maxMistyped {
		return nil
	}
	return c.SuggestionsFor(typed)
}

// unknownCommand refuses an argument of a command that only has subcommands.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	typed := strings.TrimSpace(spelled(c) + " " + args[0])
	if near := suggestions(c, args[0]); len(near) > 0 {
		return usagef("unknown command %q: did you mean %s? %s --help lists all",
			typed, strings.Join(near, " or "), c.CommandPath())
	}
	return usagef("unknown command %q: want one of %s; %s --help explains them", typed, names(c), c.CommandPath())
}

// names lists the commands of c for a message.
func names(c *cobra.Command) string {
	var list []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			list = append(list, sub.Name())
		}
	}
	return strings.Join(list, ", ")
}
