package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/report"
)

// reportFormat is one form of --report.
type reportFormat struct {
	name  string
	write func(io.Writer, *verify.Report) error
}

var reportFormats = []reportFormat{
	{"text", report.Text}, {"json", report.JSON}, {"html", report.HTML}, {"junit", report.JUnit}, {"csv", report.CSV},
	{"sha256", report.SHA256}, {"sha256-files", report.SHA256Files}, {"vsa", report.VSA},
}

func reportFormatNames() string {
	var list []string
	for _, f := range reportFormats {
		list = append(list, f.name)
	}
	return strings.Join(list, ", ")
}

// reportFile is one --report, with the file that it goes to.
type reportFile struct {
	reportFormat
	path string
	file *atomicfile.File
}

type reportFiles []*reportFile

// parseReports reads --report FORMAT=FILE. No FILE may be one of the inputs, nor
// be named twice, be it by --output-file.
func parseReports(args, inputs []string, outputFile string) (reportFiles, error) {
	var list reportFiles
	for _, arg := range args {
		name, path, ok := strings.Cut(arg, "=")
		i := slices.IndexFunc(reportFormats, func(f reportFormat) bool { return f.name == name })
		switch {
		case !ok || path == "":
			return nil, usagef("--report %q: want FORMAT=FILE, such as html=report.html", arg)
		case i < 0:
			return nil, usagef("--report %q: there is no format %q; there are %s", arg, name, reportFormatNames())
		case path == "-":
			return nil, usagef("--report %s: a report goes to a file; standard output is that of --output", arg)
		}
		if err := keepApart(path, inputs); err != nil {
			return nil, err
		}
		if list.has(path) || samePath(path, outputFile) {
			return nil, usagef("--report %s: %s is named twice; each report needs a file of its own", arg, path)
		}
		list = append(list, &reportFile{reportFormat: reportFormats[i], path: path})
	}
	return list, nil
}

func (l reportFiles) has(path string) bool {
	return slices.ContainsFunc(l, func(r *reportFile) bool { return samePath(r.path, path) })
}

// wants reports whether one of the reports is in that format.
func (l reportFiles) wants(format string) bool {
	return slices.ContainsFunc(l, func(r *reportFile) bool { return r.name == format })
}

// create opens all files, before the work begins that a refusal would waste.
func (l reportFiles) create() error {
	for _, r := range l {
		f, err := atomicfile.Create(r.path)
		if err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.name, r.path, err)
		}
		r.file = f
	}
	return nil
}

// abort gives up what has not been committed.
func (l reportFiles) abort() {
	for _, r := range l {
		if r.file != nil {
			_ = r.file.Abort() // the partial file is cleared by the next run at the latest
		}
	}
}

// write writes every report, and only then gives each its name: a refused write
// leaves none of them.
func (l reportFiles) write(rep *verify.Report) error {
	for _, r := range l {
		b := bufio.NewWriter(r.file)
		err := r.reportFormat.write(b, rep)
		if err == nil {
			err = b.Flush()
		}
		if err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.name, r.path, err)
		}
	}
	for _, r := range l {
		if err := r.file.Commit(); err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.name, r.path, err)
		}
	}
	return nil
}

// signing holds the flags by which verify signs what it found.
type signing struct {
	key, receipt string

	signer *dsse.Signer     // nil if nothing is signed
	file   *atomicfile.File // nil if no receipt is written
}

func (s *signing) declare(fs *pflag.FlagSet) {
	fs.StringVar(&s.key, "sign-report", "", "sign what was found with the private key in this PEM `FILE`, cosign's encrypted keys too (environment: COSIGN_PASSWORD); --report vsa=FILE becomes a signed envelope")
	fs.StringVar(&s.receipt, "receipt", "", "write the signed JSON report to `FILE`: a receipt, for the records and for the sending side; needs --sign-report")
}

// check judges the flags, beside the files that are read and written anyway.
func (s *signing) check(inputs []string, reports reportFiles, outputFile string) error {
	switch {
	case s.key == "" && s.receipt != "":
		return usagef("--receipt FILE is signed, so it needs a key: --sign-report KEY")
	case s.key != "" && s.receipt == "" && !reports.wants("vsa"):
		return usagef("--sign-report signs a receipt or a verification summary; say where to write one: --receipt FILE or --report vsa=FILE")
	case reports.has(s.receipt) || samePath(s.receipt, outputFile):
		return usagef("--receipt: %s is named twice; a receipt needs a file of its own", s.receipt)
	}
	return keepApart(s.receipt, inputs)
}

// load reads the key, so that its password is asked for before the long work.
func (s *signing) load(ctx context.Context, std stdio) (err error) {
	if s.key != "" {
		s.signer, err = loadSigner(ctx, "--sign-report", s.key, std)
	}
	return err
}

// create opens the file of the receipt, so that one that cannot be written is
// found before the long work.
func (s *signing) create() (err error) {
	if s.receipt != "" {
		s.file, err = atomicfile.Create(s.receipt)
	}
	return err
}

// abort leaves no half a receipt. It does nothing to one that was written.
func (s *signing) abort() {
	if s.file != nil {
		s.file.Abort()
	}
}

// write writes the receipt of a JSON report, if one was asked for.
func (s *signing) write(doc []byte, transferID string, w io.Writer) error {
	if s.file == nil {
		return nil
	}
	raw, err := receipt.Make(doc, transferID, s.signer)
	if err != nil {
		return fmt.Errorf("no receipt was written: %w", err)
	}
	if _, err := s.file.Write(raw); err != nil {
		return err
	}
	if err := s.file.Commit(); err != nil {
		return err
	}
	term.Say(w, "receipt in %s, signed by\n  %s", term.Escape(s.receipt), s.signer.Public().Fingerprint())
	return nil
}

// summaries has each verification summary written as a signed envelope, if there
// is a key.
func (s *signing) summaries(reports reportFiles) {
	for _, r := range reports {
		if s.signer != nil && r.name == "vsa" {
			r.reportFormat.write = s.summary
		}
	}
}

func (s *signing) summary(w io.Writer, rep *verify.Report) error {
	statement, err := report.Summary(rep)
	if err != nil {
		return err
	}
	raw, err := receipt.SignStatement(statement, s.signer)
	if err != nil {
		return err
	}
	_, err = w.Write(raw)
	return err
}
