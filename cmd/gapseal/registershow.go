package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

func registerShowCommand(std stdio) *cobra.Command {
	var format textOrJSON
	c := &cobra.Command{
		Use:   "show DIR N [flags]",
		Short: "show the report of one entry",
		Long:  "Show the report of entry N of a register.",
		Example: `
gapseal register show /var/lib/gapseal/register 12
gapseal register show /var/lib/gapseal/register 12 --output json`,
		Args:              takes(2, "a folder and the number of an entry"),
		ValidArgsFunction: completeEntry,
		RunE: runs(std, func(_ context.Context, args []string, std stdio) error {
			return registerShow(args[0], args[1], format, std)
		}),
	}
	format.declare(c)
	return c
}

// completeEntry completes the folder of a register, and the number of an entry.
func completeEntry(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return completeFolder(c, args, typed)
	}
	var list []cobra.Completion
	if reg, err := register.Open(args[0]); err == nil {
		numbers, _ := reg.Numbers()
		for _, n := range numbers {
			list = append(list, strconv.FormatInt(n, 10))
		}
	}
	return list, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

func entryNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef("register show: %q is not the number of an entry; gapseal register list shows them", s)
	}
	return n, nil
}

// registerShow writes the report of one entry: as text, or byte for byte as it is
// kept.
func registerShow(dir, number string, format textOrJSON, std stdio) error {
	asJSON, err := format.json()
	if err != nil {
		return err
	}
	n, err := entryNumber(number)
	if err != nil {
		return err
	}
	reg, err := openRegister(dir)
	if err != nil {
		return err
	}
	e, _, err := reg.Get(n)
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("register %s: there is no entry %d; gapseal register list shows those that exist", dir, n)
	}
	if err != nil {
		return err
	}
	if asJSON {
		_, err = fmt.Fprint(std.out, e.Report)
		return err
	}
	return showEntry(std.out, e)
}

// showEntry writes the report of an entry as verify did.
func showEntry(w io.Writer, e *register.Entry) error {
	rep, err := report.Parse([]byte(e.Report))
	if err != nil {
		return usagef("entry %d: this version cannot show its report as text; -o json shows it as it was written",
			e.Number)
	}
	fmt.Fprintf(w, "Entry %d, recorded at %s by gapseal %s\n",
		e.Number, e.RecordedAt.Format(time.RFC3339), term.Escape(e.ToolVersion))
	term.Row(w, "entry", e.Digest)
	term.Row(w, "report", e.ReportDigest)
	term.Row(w, "transfer", string(e.TransferID))
	fmt.Fprintln(w)
	return report.Text(w, rep)
}
