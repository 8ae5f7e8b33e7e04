package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// listed is one entry in the JSON form of register list: the entry without its
// report, or what is wrong with it.
type listed struct {
	Number  int64           `json:"number"`
	Entry   *register.Entry `json:"entry"`
	Problem verify.Text     `json:"problem"`

	report string
}

func (r *registerRun) list(ctx context.Context, args []string, std stdio) error {
	asJSON, err := r.format()
	if err != nil {
		return err
	}
	reg, err := openRegister(args[0])
	if err != nil {
		return err
	}
	numbers, err := reg.Numbers()
	if err != nil {
		return err
	}
	if len(numbers) == 0 && !empty(args[0]) {
		return usagef("%s holds other files, and no entry: it is no register that gapseal verify --register writes", args[0])
	}
	out := bufio.NewWriter(std.out)
	for _, n := range numbers {
		l, err := listEntry(reg, n)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if asJSON {
			err = report.Encode(out, l)
		} else {
			writeListed(out, l)
		}
		if err != nil {
			return err
		}
	}
	if !asJSON {
		fmt.Fprintf(out, "%s. Whether they fit together: gapseal register check.\n", term.Count(len(numbers), "entry", "entries"))
	}
	return out.Flush()
}

// empty reports whether a folder holds nothing but hidden files, as a register
// without entries does.
func empty(dir string) bool {
	list, err := os.ReadDir(dir)
	return err == nil && !slices.ContainsFunc(list, func(e os.DirEntry) bool { return !strings.HasPrefix(e.Name(), ".") })
}

func listEntry(reg *register.Register, n int64) (*listed, error) {
	e, _, err := reg.Get(n)
	if fault := (*register.Fault)(nil); errors.As(err, &fault) {
		return &listed{Number: n, Problem: verify.Text(fault.Problem)}, nil
	}
	if err != nil {
		return nil, err
	}
	l := &listed{Number: n, Entry: e, report: e.Report}
	e.Report = ""
	return l, nil
}

// about names the file that a report is about or, for a pipe, what the bundle
// said it holds.
func about(doc string) string {
	rep, err := report.Parse([]byte(doc))
	switch {
	case err != nil:
		return ""
	case rep.Bundle.Path != "-":
		return rep.Bundle.Path
	case len(rep.Images) > 0:
		return "standard input, said to hold " + rep.Images[0].ClaimedReference
	}
	return "standard input"
}

// listIndent is below the number of an entry.
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
	line := fmt.Sprintf("%6d  %s  %-8s  %s", e.Number, e.RecordedAt.Format(time.RFC3339), e.Verdict, term.Escape(identity))
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
	if !named {
		if name := about(l.report); name != "" {
			writeBelow(w, name)
		}
	}
}

func writeBelow(w io.Writer, s string) {
	fmt.Fprint(w, term.Fold(strings.Repeat(" ", listIndent)+term.Escape(s), listIndent))
}

// show writes the report of one entry: as text, or byte for byte as it is kept.
func (r *registerRun) show(_ context.Context, args []string, std stdio) error {
	asJSON, err := r.format()
	if err != nil {
		return err
	}
	n, err := entryNumber(args[1])
	if err != nil {
		return err
	}
	reg, err := openRegister(args[0])
	if err != nil {
		return err
	}
	e, _, err := reg.Get(n)
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("register %s: there is no entry %d; gapseal register list shows those there are", args[0], n)
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

// showEntry writes the report as verify did.
func showEntry(w io.Writer, e *register.Entry) error {
	rep, err := report.Parse([]byte(e.Report))
	if err != nil {
		return usagef("entry %d: this version cannot show its report as text; -o json shows it as it was written", e.Number)
	}
	fmt.Fprintf(w, "Entry %d, recorded at %s by gapseal %s\n", e.Number, e.RecordedAt.Format(time.RFC3339), term.Escape(e.ToolVersion))
	term.Row(w, "entry", e.Digest)
	term.Row(w, "report", e.ReportDigest)
	term.Row(w, "transfer", string(e.TransferID))
	fmt.Fprintln(w)
	return report.Text(w, rep)
}
