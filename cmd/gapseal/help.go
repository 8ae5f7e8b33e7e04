package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/verify/report"
)

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
	fmt.Fprintf(w, "  %s\n%s", strings.TrimSpace(name+" "+value), report.Fold("      "+usage, 6))
}

func indent(s string) string {
	var b strings.Builder
	for l := range strings.Lines(strings.TrimSpace(s) + "\n") {
		b.WriteString("  " + l)
	}
	return b.String()
}
