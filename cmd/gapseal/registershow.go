package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

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
	rep := &verify.Report{}
	if err := json.Unmarshal([]byte(e.Report), rep); err != nil || rep.Verdict != verify.Verified && len(rep.Failures) == 0 {
		return usagef("entry %d: this version cannot show its report as text; -o json shows it as it was written", e.Number)
	}
	fmt.Fprintf(w, "Entry %d, recorded at %s by gapseal %s\n", e.Number, e.RecordedAt.Format(time.RFC3339), report.Terminal(e.ToolVersion))
	report.Row(w, "entry", e.Digest)
	report.Row(w, "report", e.ReportDigest)
	if e.TransferID != nil {
		report.Row(w, "transfer", *e.TransferID)
	}
	fmt.Fprintln(w)
	return report.Text(w, rep)
}
