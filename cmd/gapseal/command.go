package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime/debug"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
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
			fmt.Fprintf(std.err, "gapseal: internal fault: %s\nThis is no verdict. Keep the bundle and report it, with these lines:\n%s", term.Escape(fmt.Sprint(p)), debug.Stack())
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

func help(args []string, w io.Writer) error {
	if len(args) == 0 {
		writeOverview(w)
		return nil
	}
	c, err := find(commands(), args[0])
	if err != nil {
		return err
	}
	c.writeHelp(w)
	return nil
}

func writeOverview(w io.Writer) {
	fmt.Fprint(w, `gapseal carries signed container images across an air gap in one file, and
proves on the far side, with no network, that the file is exactly what was
signed, and nothing else.

Usage: gapseal COMMAND [flags]

Commands:
`)
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %s\n", c.name, c.short)
	}
	fmt.Fprintf(w, `
Examples:
  gapseal export ghcr.io/acme/app:v1 --key cosign.pub -o app.tar
  gapseal verify app.tar --key cosign.pub

%s
gapseal COMMAND --help tells more.
`, exitCodes)
}

func (c *command) writeHelp(w io.Writer) {
	fmt.Fprintf(w, "%s\n\nUsage: %s\n\nExamples:\n%s\n", strings.TrimSpace(c.long), strings.TrimSpace("gapseal "+c.name+" "+c.args), indent(c.examples))
	headings, flags := c.groups()
	for i, heading := range headings {
		if len(flags[i]) == 0 {
			continue
		}
		fmt.Fprintf(w, "%s:\n", heading)
		for _, f := range flags[i] {
			writeFlag(w, f)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, exitCodes)
}

// writeFlag writes a flag and under it what it is for: the two do not fit a
// terminal side by side.
func writeFlag(w io.Writer, f *pflag.Flag) {
	value, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if f.Value.Type() == "bool" {
		value = ""
	}
	if f.DefValue != "" && f.DefValue != "[]" && f.DefValue != "0" && f.DefValue != "false" {
		usage += " (default " + f.DefValue + ")"
	}
	fmt.Fprintf(w, "  %s\n%s", strings.TrimSpace(name+" "+value), term.Fold("      "+usage, 6))
}

func indent(s string) string {
	var b strings.Builder
	for l := range strings.Lines(strings.TrimSpace(s) + "\n") {
		b.WriteString("  " + l)
	}
	return b.String()
}

// flagGroup is flags that help shows under one heading: their names, or patterns
// of names, in this order. One that the command does not have is passed over.
type flagGroup struct{ heading, names string }

const (
	trusting  = "key certificate-* trusted-root rekor-key policy seal-key"
	demanding = "image annotations max-age not-before require-* strict"
	waiving   = "accept-reference insecure-ignore-tlog at allow-unverified"
)

// flagGroups are the headings of commands that have many flags.
var flagGroups = map[string][]flagGroup{
	"verify": {
		{"Who is trusted", trusting},
		{"What is demanded", demanding + " platform deep"},
		{"Waivers, each of which shows in every report", waiving},
		{"Reading the bundle", "volumes volume limit"},
		{"Reports", "output output-file report file-digest attestation-out"},
		{"Records", "register transfer ask sign-report receipt"},
	},
	"export": {
		{"What is written", "output seal seal-* volume-size recovery"},
		{"Who is trusted", trusting},
		{"What is demanded", demanding},
		{"Waivers, each of which shows in every report", waiving},
		{"What is fetched", "platform allow-*-registry registry-cacert signature-repository jobs limit"},
	},
}

// groups returns the flags of a command, by heading. Without headings of its own
// a command has one.
func (c *command) groups() (headings []string, flags [][]*pflag.Flag) {
	fs, _ := c.flags()
	if flagGroups[c.name] == nil {
		var all []*pflag.Flag
		fs.VisitAll(func(f *pflag.Flag) { all = append(all, f) })
		return []string{"Flags"}, [][]*pflag.Flag{all}
	}
	for _, g := range flagGroups[c.name] {
		headings, flags = append(headings, g.heading), append(flags, matching(fs, strings.Fields(g.names)))
	}
	return headings, flags
}

// matching returns the flags that patterns name, in the order of the patterns.
func matching(fs *pflag.FlagSet, patterns []string) (list []*pflag.Flag) {
	for _, p := range patterns {
		fs.VisitAll(func(f *pflag.Flag) {
			if ok, err := path.Match(p, f.Name); ok && err == nil {
				list = append(list, f)
			}
		})
	}
	return list
}

// closest returns the word that a mistyped one is most likely meant to be, empty
// if none is near: a third of its letters may be wrong.
func closest(typed string, words []string) (best string) {
	if len(typed) > 32 {
		return ""
	}
	least := len(typed)/3 + 1
	for _, w := range words {
		if d := distance(typed, w); d <= least && (best == "" || d < distance(typed, best)) {
			best = w
		}
	}
	return best
}

// distance is the Levenshtein distance: how many letters are added, left out or
// exchanged between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
