package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// listed is one entry in the JSON form of register list: the entry without its
// report, or what is wrong with it.
type listed struct {
	Number  int64           `json:"number"`
	Entry   *register.Entry `json:"entry"`
	Loaded  *listedLoad     `json:"loaded"` // null unless the bundle was to be loaded
	Problem verify.Text     `json:"problem"`

	about string // what to write if no image has the operator's name
}

// listedLoad says what was loaded.
type listedLoad struct {
	Destination string      `json:"destination"`
	Complete    bool        `json:"complete"`
	Unfinished  verify.Text `json:"unfinished"`

	summary string
}

func registerListCommand(std stdio) *cobra.Command {
	var format textOrJSON
	c := &cobra.Command{
		Use:   "list DIR [flags]",
		Short: "list the entries, one line each",
		Long:  "List the entries of a register, one line each.",
		Example: `
gapseal register list /var/lib/gapseal/register
gapseal register list /var/lib/gapseal/register --output json`,
		Args:              takes(1, "one folder"),
		ValidArgsFunction: completeFolder,
		RunE: runs(std, func(ctx context.Context, args []string, std stdio) error {
			return registerList(ctx, args[0], format, std)
		}),
	}
	format.declare(c)
	return c
}

func registerList(ctx context.Context, dir string, format textOrJSON, std stdio) error {
	asJSON, err := format.json()
	if err != nil {
		return err
	}
	reg, err := openRegister(dir)
	if err != nil {
		return err
	}
	numbers, err := reg.Numbers()
	if err != nil {
		return err
	}
	if len(numbers) == 0 && !empty(dir) {
		return usagef("%s holds other files, and no entry: it is not a register that gapseal verify --register writes",
			dir)
	}
	out := bufio.NewWriter(std.out)
	for _, n := range numbers {
		if err := listEntry(ctx, out, reg, n, asJSON); err != nil {
			return err
		}
	}
	if !asJSON {
		fmt.Fprintf(out, "%s. To check that they fit together: gapseal register check.\n",
			term.Count(len(numbers), "entry", "entries"))
	}
	return out.Flush()
}

// listEntry writes one entry of the list.
func listEntry(ctx context.Context, w io.Writer, reg *register.Register, n int64, asJSON bool) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	l, err := readEntry(reg, n)
	if err != nil {
		return err
	}
	if asJSON {
		return report.Encode(w, l)
	}
	writeListed(w, l)
	return nil
}

// empty reports whether a folder holds nothing but hidden files, as a register
// without entries does.
func empty(dir string) bool {
	list, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(list, func(e os.DirEntry) bool {
		return !strings.HasPrefix(e.Name(), ".")
	})
}

// readEntry reads one entry. A damaged one is listed with its problem.
func readEntry(reg *register.Register, n int64) (*listed, error) {
	e, _, err := reg.Get(n)
	if fault := (*register.Fault)(nil); errors.As(err, &fault) {
		return &listed{Number: n, Problem: verify.Text(fault.Problem)}, nil
	}
	if err != nil {
		return nil, err
	}
	l := &listed{Number: n, Entry: e}
	if rep, err := report.Parse([]byte(e.Report)); err == nil {
		l.about = about(rep)
		if to := rep.Loaded; to != nil {
			l.Loaded = &listedLoad{to.Destination, to.Complete, to.Unfinished, report.Loading(rep)}
		}
	}
	e.Report = ""
	return l, nil
}

// about names the file that a report is about or, for a pipe, the first image that
// the bundle claimed to hold.
func about(rep *verify.Report) string {
	switch {
	case rep.Bundle.Path != "-":
		return rep.Bundle.Path
	case len(rep.Images) > 0:
		return "standard input, claimed to hold " + rep.Images[0].ClaimedReference
	}
	return "standard input"
}

// listIndent is the column in which the lines below the number of an entry begin.
const listIndent = 8

func writeListed(w io.Writer, l *listed) {
	if l.Entry == nil {
		fmt.Fprint(w, term.Fold(fmt.Sprintf("%6d  DAMAGED: %s", l.Number, term.Escape(string(l.Problem))), listIndent))
		return
	}
	e := l.Entry
	identity := "(no identity)"
	if e.Identity != "" {
		identity = term.Short(string(e.Identity))
	}
	line := fmt.Sprintf("%6d  %s  %-8s  %s",
		e.Number, e.RecordedAt.Format(time.RFC3339), e.Verdict, term.Escape(identity))
	if e.TransferID != "" {
		line += "  " + term.Escape(string(e.TransferID))
	}
	fmt.Fprint(w, term.Fold(line, listIndent))
	named := false
	for _, img := range e.Images {
		named = named || len(img.References) > 0
		for _, name := range img.References {
			writeBelow(w, name)
		}
	}
	if !named && l.about != "" {
		writeBelow(w, l.about)
	}
	if l.Loaded != nil && e.Verdict == check.Verified {
		fmt.Fprint(w, term.Fold(strings.Repeat(" ", listIndent)+loadMark(l.Loaded), listIndent))
	}
}

// loadMark says what was loaded, in capitals if not all was.
func loadMark(l *listedLoad) string {
	if l.Complete || l.Unfinished == verify.LoadBegun {
		return l.summary
	}
	return "NOT ALL LOADED: " + l.summary
}

func writeBelow(w io.Writer, s string) {
	fmt.Fprint(w, term.Fold(strings.Repeat(" ", listIndent)+term.Escape(s), listIndent))
}
