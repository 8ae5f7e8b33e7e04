package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
)

// checkOutputs refuses what could not be written, or would be written over what
// is read.
func (v *verifyRun) checkOutputs(bundle string) (err error) {
	if renderers[v.output] == nil {
		return usagef("--output %q: want text, json or cosign", v.output)
	}
	inputs := append(v.inputs(), bundle, v.transfer.file)
	inputs = append(inputs, setFiles(bundle, v.volumes)...)
	for _, out := range v.outputs() {
		if err := outside(out, v.register); err != nil {
			return err
		}
	}
	if err := keepApart(v.outputFile, inputs); err != nil {
		return err
	}
	if err := checkDir(v.attestationOut); err != nil {
		return err
	}
	if v.reportFiles, err = parseReports(v.reports, inputs, v.outputFile); err != nil {
		return err
	}
	return v.sign.check(inputs, v.reportFiles, v.outputFile)
}

// outputs are the files that were named to be written.
func (v *verifyRun) outputs() (list []string) {
	for _, arg := range v.reports {
		_, path, _ := strings.Cut(arg, "=")
		list = append(list, path)
	}
	return append(list, v.outputFile, v.sign.receipt)
}

// inputs are the files that verify reads, besides the bundle.
func (v *verifyRun) inputs() []string {
	return slices.Concat(v.judging.inputs(), v.sealKeys, []string{v.sign.key})
}

// create asks for what signing needs, and opens the files to be written, so that
// nothing of it fails after the long work.
func (v *verifyRun) create(ctx context.Context, std stdio) error {
	if err := v.reportFiles.create(); err != nil {
		return err
	}
	if err := v.sign.load(ctx, std); err != nil {
		return err
	}
	v.sign.summaries(v.reportFiles)
	return v.sign.create()
}

func (v *verifyRun) abort() {
	v.reportFiles.abort()
	v.sign.abort()
}

// deliver records the report and writes it wherever it was asked for, the answer
// itself last.
func (v *verifyRun) deliver(ctx context.Context, rep *verify.Report, o verify.Options, std stdio) error {
	var doc bytes.Buffer // the report that is kept, the same in both records
	if v.known != nil || v.sign.file != nil {
		if err := report.JSON(&doc, rep); err != nil {
			return err
		}
	}
	if err := v.record(ctx, std.err, rep, doc.Bytes(), o.Named()); err != nil {
		return err
	}
	if err := writeStatements(v.attestationOut, rep); err != nil {
		return err
	}
	if err := v.reportFiles.write(rep); err != nil {
		return err
	}
	if err := v.sign.write(doc.Bytes(), transferID(rep), std.err); err != nil {
		return err
	}
	return v.write(rep, std)
}

// record adds the report, and doc which is its JSON, to the register, if one was
// named.
func (v *verifyRun) record(ctx context.Context, w io.Writer, rep *verify.Report, doc []byte, own []oci.Reference) error {
	if v.known == nil {
		return nil
	}
	n, err := appendRegister(ctx, v.known, rep, doc, own, transferID(rep))
	if err == nil {
		say(w, "entry %d in the register %s", n, report.Terminal(v.register))
	}
	return err
}

// write puts the report where it was asked for. As with cosign verify, the text
// for people goes to stderr when stdout has cosign's JSON, and that is written
// for what is verified only.
func (v *verifyRun) write(rep *verify.Report, std stdio) error {
	if v.output == "cosign" {
		if err := report.Text(std.err, rep); err != nil {
			return err
		}
	}
	switch {
	case v.outputFile != "":
		return v.toFile(rep, std)
	case v.output == "cosign" && rep.Verdict == verify.Rejected:
		return nil
	}
	return renderers[v.output](std.out, rep)
}

func (v *verifyRun) toFile(rep *verify.Report, std stdio) error {
	err := writeFile(v.outputFile, func(f *atomicfile.File) error { return renderers[v.output](f, rep) })
	if err != nil {
		return err
	}
	for _, w := range rep.Waivers {
		fmt.Fprintf(std.err, "WARNING a rule was waived: %s\n", report.Terminal(w))
	}
	say(std.err, "%s; report in %s", rep.Verdict, report.Terminal(v.outputFile))
	return nil
}

// transferID is the number that the transfer goes by, if anybody said so.
func transferID(rep *verify.Report) string {
	if rep.Transfer == nil {
		return ""
	}
	return string(rep.Transfer.ID)
}
