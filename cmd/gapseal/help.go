package main

import (
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/term"
)

// Annotations of a command with many flags: the flags that --help shows, and the
// headings under which --help --all shows all flags.
const (
	// commonFlags are names, or patterns of names, in the order to be shown.
	commonFlags = "common"
	// flagHeadings has a line for each heading, such as "Reports: output report".
	flagHeadings = "headings"
)

// allFlag is the flag that lets help show all flags.
const allFlag = "all"

func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND] [--all]",
		Short:   "explain a command or a topic",
		Long:    "Explain a command, with --all all of its flags, or a topic: exit-codes.",
		Example: "gapseal help verify --all\ngapseal help exit-codes",

		DisableFlagsInUseLine: true,
		ValidArgsFunction:     completeCommands,
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 && found.HasSubCommands() {
				return unknownCommand(found, rest)
			}
			showHelp(found)
			return nil
		},
	}
}

// exitCodesTopic is a help topic: a command that does nothing.
func exitCodesTopic() *cobra.Command {
	return &cobra.Command{Use: "exit-codes", Short: "what the exit codes mean", Long: exitCodes}
}

// helpCall returns the command line that lists all flags of c.
func helpCall(c *cobra.Command) string {
	if c.Annotations[flagHeadings] != "" {
		return c.CommandPath() + " --help --" + allFlag
	}
	return c.CommandPath() + " --help"
}

// showHelp writes the help of c. A reader that has seen enough may close the pipe.
func showHelp(c *cobra.Command) {
	w := c.OutOrStdout()
	if out, ok := w.(*stdout); ok {
		defer out.forgiveClosedPipe()
	}
	all, _ := c.Root().PersistentFlags().GetBool(allFlag)
	switch {
	case !c.HasParent():
		writeOverview(w, c)
	case c.IsAdditionalHelpTopicCommand():
		fmt.Fprint(w, c.Long)
	default:
		writeHelp(w, c, all)
	}
}

func writeOverview(w io.Writer, root *cobra.Command) {
	fmt.Fprintf(w, "%s\n\nUsage: %s\n\nCommands:\n", root.Long, root.UseLine())
	writeCommands(w, root)
	fmt.Fprintf(w, "\nExamples:\n%s\n%s\ngapseal COMMAND --help explains a command.\n", indent(root.Example), exitCodes)
}

// writeCommands lists the commands of c, each with what it is for.
func writeCommands(w io.Writer, c *cobra.Command) {
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			fmt.Fprintf(w, "  %-11s %s\n", sub.Name(), sub.Short)
		}
	}
}

// writeHelp writes the help of a command, with the common flags or with all.
// Examples after a blank line are shown with all flags only.
func writeHelp(w io.Writer, c *cobra.Command, all bool) {
	examples, more, _ := strings.Cut(strings.TrimSpace(c.Example), "\n\n")
	if all && more != "" {
		examples += "\n" + more
	}
	fmt.Fprintf(w, "%s\n\nUsage: %s\n\n", strings.TrimSpace(c.Long), c.UseLine())
	if c.HasSubCommands() {
		fmt.Fprintln(w, "Commands:")
		writeCommands(w, c)
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "Examples:\n%s\n", indent(examples))
	writeFlags(w, c, all)
	if c.Annotations[flagHeadings] != "" && !all {
		fmt.Fprintf(w, "All flags: %s\n", helpCall(c))
	}
	fmt.Fprintln(w, "Exit codes: gapseal help exit-codes")
}

// writeFlags writes the flags of a command. If it has headings, these are the common
// flags, side by side with what they do, or all flags under their headings.
func writeFlags(w io.Writer, c *cobra.Command, all bool) {
	switch {
	case c.Annotations[flagHeadings] == "":
		writeGroup(w, "Flags", declaredFlags(c), writeFlag)
	case !all:
		writeGroup(w, "Common flags", matching(c, c.Annotations[commonFlags]), writeNarrow)
	default:
		for heading, flags := range headings(c) {
			writeGroup(w, heading, flags, writeFlag)
		}
	}
}

func writeGroup(w io.Writer, heading string, flags []*pflag.Flag, write func(io.Writer, *pflag.Flag)) {
	if len(flags) == 0 {
		return
	}
	fmt.Fprintf(w, "%s:\n", heading)
	for _, f := range flags {
		write(w, f)
	}
	fmt.Fprintln(w)
}

// declaredFlags returns the flags of a command, except --help.
func declaredFlags(c *cobra.Command) (list []*pflag.Flag) {
	c.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" && !f.Hidden {
			list = append(list, f)
		}
	})
	return list
}

// headings yields the headings of a command with the flags under each.
func headings(c *cobra.Command) func(yield func(string, []*pflag.Flag) bool) {
	return func(yield func(string, []*pflag.Flag) bool) {
		for line := range strings.Lines(strings.TrimSpace(c.Annotations[flagHeadings])) {
			heading, names, _ := strings.Cut(line, ":")
			if !yield(heading, matching(c, names)) {
				return
			}
		}
	}
}

// matching returns the flags that patterns name, in the order of the patterns.
func matching(c *cobra.Command, patterns string) (list []*pflag.Flag) {
	for _, p := range strings.Fields(patterns) {
		for _, f := range declaredFlags(c) {
			if ok, err := path.Match(p, f.Name); ok && err == nil {
				list = append(list, f)
			}
		}
	}
	return list
}

// described returns a flag as it is written, with its value, and what it does.
func described(f *pflag.Flag) (name, usage string) {
	value, usage := pflag.UnquoteUsage(f)
	name = "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	if f.Value.Type() != "bool" {
		name += " " + value
	}
	switch f.DefValue {
	case "", "[]", "0", "false":
	default:
		usage += " (default " + f.DefValue + ")"
	}
	return name, usage
}

// writeFlag writes a flag, and what it does on the lines below.
func writeFlag(w io.Writer, f *pflag.Flag) {
	name, usage := described(f)
	fmt.Fprintf(w, "  %s\n%s", name, term.Fold("      "+usage, 6))
}

// writeNarrow writes a flag and what it does side by side.
func writeNarrow(w io.Writer, f *pflag.Flag) {
	const column = 28
	name, usage := described(f)
	line := fmt.Sprintf("  %-*s", column-2, name)
	if len(name) > column-3 {
		fmt.Fprintln(w, line)
		line = strings.Repeat(" ", column)
	}
	fmt.Fprint(w, term.Fold(line+usage, column))
}

func indent(s string) string {
	var b strings.Builder
	for l := range strings.Lines(strings.TrimSpace(s) + "\n") {
		b.WriteString("  " + l)
	}
	return b.String()
}
