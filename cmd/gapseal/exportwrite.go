package main

import (
	"context"
	"fmt"
	"io"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/progress"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
)

// gate judges the plan by verify's own code and refuses what would not verify.
func (e *exportRun) gate(plan *bundle.Plan, o verify.Options, std stdio) error {
	o.Path = "export to " + e.output
	rep, err := verify.Plan(plan, o)
	if err == nil {
		return nil
	}
	if e.allowUnverified {
		fmt.Fprintf(std.err, "WARNING writing a bundle that does not verify (--allow-unverified): %s\n", escapeLines(err.Error()))
		return nil
	}
	if err := report.Text(std.err, rep); err != nil {
		return err
	}
	fmt.Fprintln(std.err, "Nothing was written: export does not write a bundle that would not verify.")
	return told{err}
}

func (e *exportRun) write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, std stdio) error {
	bar := progress.New(std.err, "exporting", plan.ContentSize()+e.cut.work(plan.Size))
	err := e.writeTo(ctx, plan, fetch, bar.Add, std.out)
	bar.Done(err == nil)
	switch {
	case err == nil:
		return nil
	case e.output == "-":
		return fmt.Errorf("%w\nWhat was written has no end and is not a bundle: discard it.%s", err, again(err, "export"))
	}
	return fmt.Errorf("%w\nThis run wrote nothing under %s.%s", err, e.output, again(err, "export"))
}

func (e *exportRun) writeTo(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, tell func(int64), out io.Writer) error {
	if e.output == "-" {
		return plan.WriteStream(ctx, out, fetch, tell)
	}
	if e.cut.wanted() {
		return e.cut.write(ctx, plan, fetch, volume.Base(e.output), e.jobs, tell)
	}
	return writeFile(e.output, func(f *atomicfile.File) error { return plan.WriteFile(ctx, f, fetch, e.jobs, tell) })
}
