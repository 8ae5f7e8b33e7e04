package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify/report"
)

// stdio is where a command reads and writes.
type stdio struct {
	in  *os.File
	out *output
	err *os.File
}

// output remembers that a write failed: an answer that nobody could read must
// not end in 0, whatever the command made of it.
type output struct {
	file   *os.File
	failed error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if err != nil && o.failed == nil {
		o.failed = err
	}
	return n, err
}

// command is one subcommand. setup declares its flags and returns what runs
// once they are parsed.
type command struct {
	name, args, short, long string
	examples                string
	setup                   func(fs *pflag.FlagSet) func(ctx context.Context, args []string, std stdio) error
}

func commands() []*command {
	return []*command{exportCommand(), verifyCommand(), inspectCommand(), repairCommand(), trustCommand(), policyCommand(), registerCommand(), receiptCommand(), versionCommand(), completionCommand()}
}

// run dispatches and turns whatever happened into an exit code. A panic is a
// fault of ours and never a verdict.
func run(ctx context.Context, cmds []*command, args []string, std stdio) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(std.err, "gapseal: internal fault: %s\nThis is no verdict. Keep the bundle and report it, with these lines:\n%s", report.Terminal(fmt.Sprint(p)), debug.Stack())
			code = exitNoVerdict
		}
	}()
	err := dispatch(ctx, cmds, args, std)
	if err == nil {
		err = std.out.failed
	}
	return conclude(std.err, err)
}

func dispatch(ctx context.Context, cmds []*command, args []string, std stdio) error {
	if len(args) == 0 {
		writeOverview(std.err)
		return usagef("no command given")
	}
	switch args[0] {
	case "help", "--help", "-h":
		return help(args[1:], std.out)
	case "--version":
		args = []string{"version"}
	}
	c, err := find(cmds, args[0])
	if err != nil {
		return err
	}
	return c.run(ctx, args[1:], std)
}

func find(cmds []*command, name string) (*command, error) {
	for _, c := range cmds {
		if c.name == name {
			return c, nil
		}
	}
	if near := closest(name, names()); near != "" {
		return nil, usagef("unknown command %q: did you mean %s? gapseal help lists all", name, near)
	}
	return nil, usagef("unknown command %q: want one of %s; gapseal help tells what they do", name, strings.Join(names(), ", "))
}

func (c *command) run(ctx context.Context, args []string, std stdio) error {
	fs, action := c.flags()
	err := fs.Parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		c.writeHelp(std.out)
		return nil
	}
	if err != nil {
		return usagef("%v; gapseal %s --help lists the flags", err, c.name)
	}
	return action(ctx, fs.Args(), std)
}

func (c *command) flags() (*pflag.FlagSet, func(context.Context, []string, stdio) error) {
	fs := pflag.NewFlagSet(c.name, pflag.ContinueOnError)
	fs.SortFlags = false
	fs.Usage = func() {}
	return fs, c.setup(fs)
}
