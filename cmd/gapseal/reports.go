package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// reportFormatNames lists the formats of --report.
func reportFormatNames() string {
	var list []string
	for _, f := range report.Formats {
		list = append(list, f.Name)
	}
	return strings.Join(list, ", ")
}

// reportFile is one --report, with the file that it is written to.
type reportFile struct {
	report.Format
	path string
	file *atomicfile.File
}

type reportFiles []*reportFile

// parseReports reads --report FORMAT=FILE. No FILE may be one of the inputs, and
// none may be named twice or by --output-file.
func parseReports(args, inputs []string, outputFile string) (reportFiles, error) {
	var list reportFiles
	for _, arg := range args {
		name, path, ok := strings.Cut(arg, "=")
		format, known := report.FormatNamed(name)
		switch {
		case !ok || path == "":
			return nil, usagef("--report %q: want FORMAT=FILE, such as html=report.html", arg)
		case !known:
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
		list = append(list, &reportFile{Format: format, path: path})
	}
	return list, nil
}

func (l reportFiles) has(path string) bool {
	return slices.ContainsFunc(l, func(r *reportFile) bool { return samePath(r.path, path) })
}

// fileDigest returns when the reports need the digest of the bundle file.
func (l reportFiles) fileDigest() (most report.Need) {
	for _, r := range l {
		most = max(most, r.FileDigest)
	}
	return most
}

// volumes reports whether one of the reports needs the digests of volumes.
func (l reportFiles) volumes() bool {
	return slices.ContainsFunc(l, func(r *reportFile) bool { return r.Volumes })
}

// signed reports whether one of the reports is in a format that can be signed.
func (l reportFiles) signed() bool {
	return slices.ContainsFunc(l, func(r *reportFile) bool { return r.Sign != nil })
}

// create opens all files before the long work, so that a file that cannot be written
// is reported at once.
func (l reportFiles) create() error {
	for _, r := range l {
		f, err := atomicfile.Create(r.path)
		if err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.Name, r.path, err)
		}
		r.file = f
	}
	return nil
}

// abort removes the files that have not been committed.
func (l reportFiles) abort() {
	for _, r := range l {
		if r.file != nil {
			_ = r.file.Abort() // a partial file that stays behind is removed by the next run
		}
	}
}

// write writes every report, and only then gives each file its name: if one report
// cannot be written, no file appears. If there is a signer, reports in a format that
// can be signed are written in a signed envelope.
func (l reportFiles) write(rep *verify.Report, by *dsse.Signer) error {
	for _, r := range l {
		if err := r.write(rep, by); err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.Name, r.path, err)
		}
	}
	for _, r := range l {
		if err := r.file.Commit(); err != nil {
			return fmt.Errorf("--report %s=%s: %w", r.Name, r.path, err)
		}
	}
	return nil
}

func (r *reportFile) write(rep *verify.Report, by *dsse.Signer) (err error) {
	b := bufio.NewWriter(r.file)
	if by != nil && r.Sign != nil {
		err = r.Sign(b, rep, by)
	} else {
		err = r.Write(b, rep)
	}
	if err != nil {
		return err
	}
	return b.Flush()
}

// signing holds the flags with which verify signs its report.
type signing struct {
	key, receipt string

	signer *dsse.Signer     // nil if nothing is signed
	file   *atomicfile.File // nil if no receipt is written
}

func (s *signing) declare(fs *pflag.FlagSet) {
	fs.StringVar(&s.key, "sign-report", "", "sign the report with the private key in this PEM `FILE`, cosign's "+
		"encrypted keys too (environment: COSIGN_PASSWORD); --report vsa=FILE becomes a signed envelope")
	fs.StringVar(&s.receipt, "receipt", "",
		"write the signed JSON report to `FILE`: a receipt, for the records and for the sender; needs --sign-report")
}

// check checks the flags, given the inputs and the other outputs.
func (s *signing) check(inputs []string, reports reportFiles, outputFile string) error {
	switch {
	case s.key == "" && s.receipt != "":
		return usagef("--receipt FILE is signed, so it needs a key: --sign-report KEY")
	case s.key != "" && s.receipt == "" && !reports.signed():
		return usagef("--sign-report signs a receipt or a verification summary; say where to write one: --receipt " +
			"FILE or --report vsa=FILE")
	case reports.has(s.receipt) || samePath(s.receipt, outputFile):
		return usagef("--receipt: %s is named twice; a receipt needs a file of its own", s.receipt)
	}
	return keepApart(s.receipt, inputs)
}

// load reads the key, and asks for its password before the long work.
func (s *signing) load(ctx context.Context, std stdio) (err error) {
	if s.key != "" {
		s.signer, err = loadSigner(ctx, "--sign-report", s.key, std)
	}
	return err
}

// create opens the file of the receipt before the long work, so that a file that
// cannot be written is reported at once.
func (s *signing) create() (err error) {
	if s.receipt != "" {
		s.file, err = atomicfile.Create(s.receipt)
	}
	return err
}

// abort gives up the receipt unless it was written.
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

// checkDir refuses a folder for statements that does not exist, before the bundle
// is read.
func checkDir(dir string) error {
	if dir == "" {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return usagef("--attestation-out %s: want a folder", dir)
	}
	if register.Begun(dir) {
		return inRegister(dir)
	}
	return nil
}

// writeStatements writes the statement of each attestation that counts, or that is
// about a platform by way of its signed manifest, into dir, byte for byte as it was
// signed. In a bundle that is not verified, none counts.
func writeStatements(dir string, rep *verify.Report) error {
	if dir == "" || rep.Verdict != check.Verified {
		return nil
	}
	for i := range rep.Images {
		for _, a := range rep.Images[i].Attestations {
			if !a.Counts && !(a.Good && a.Manifest != "") || len(a.Payload) == 0 {
				continue
			}
			name, err := statementName(a.Digest)
			if err != nil {
				return err
			}
			if err := writeWhole(filepath.Join(dir, name), a.Payload); err != nil {
				return err
			}
		}
	}
	return nil
}

// statementName returns a file name that consists of a digest and the number of a
// layer. No other text of the bundle may choose which file is written.
func statementName(id string) (string, error) {
	manifest, layer, found := strings.Cut(id, "#")
	if !found {
		layer = "0"
	}
	d, err := oci.ParseDigest(manifest)
	if err != nil {
		return "", err
	}
	if strings.Trim(layer, "0123456789") != "" || layer == "" {
		return "", fmt.Errorf("attestation %q: want the number of a layer", id)
	}
	return d.Hex() + "-" + layer + ".json", nil
}

// deliver records the report, writes all files that were asked for, and writes the
// report itself last.
func (v *verifyRun) deliver(ctx context.Context, rep *verify.Report, o verify.Options, std stdio) error {
	var doc []byte // the same report is kept in the register and in the receipt
	if v.known != nil || v.sign.file != nil {
		var err error
		if doc, err = document(rep); err != nil {
			return err
		}
	}
	if err := v.record(ctx, std.err, rep, doc, o.Named()); err != nil {
		return err
	}
	if err := writeStatements(v.attestationOut, rep); err != nil {
		return err
	}
	if err := v.reportFiles.write(rep, v.sign.signer); err != nil {
		return err
	}
	if err := v.sign.write(doc, transferID(rep), std.err); err != nil {
		return err
	}
	return v.write(rep, std)
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// record adds a report, whose JSON form is doc, to the register, if one was named. own are the
// names by which the operator asked for images.
func (v *verifyRun) record(ctx context.Context, w io.Writer, rep *verify.Report, doc []byte, own []oci.Reference) error {
	if v.known == nil {
		return nil
	}
	n, err := v.known.Append(ctx, register.RecordOf(rep, doc, own, clock()))
	if err == nil {
		term.Say(w, "entry %d in the register %s", n, term.Escape(v.register))
	}
	return err
}

// write writes the report to --output-file or stdout. As with cosign verify, the
// text for people goes to stderr when stdout has cosign's JSON, which is written
// only for bundles that are verified and, with load, were loaded.
func (v *verifyRun) write(rep *verify.Report, std stdio) error {
	if v.output == "cosign" {
		if err := report.Text(std.err, rep); err != nil {
			return err
		}
	}
	switch {
	case v.outputFile != "":
		return v.toFile(rep, std)
	case v.output == "cosign" && (rep.Verdict == check.Rejected || rep.Loaded != nil && !rep.Loaded.Complete):
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
		fmt.Fprintf(std.err, "WARNING a rule was waived: %s\n", term.Escape(w))
	}
	result := string(rep.Verdict)
	if rep.Loaded != nil {
		result += "; " + report.Loading(rep)
	}
	term.Say(std.err, "%s; report in %s", result, term.Escape(v.outputFile))
	return nil
}

// transferID returns the id of the transfer, if the transfer record has one.
func transferID(rep *verify.Report) string {
	if rep.Transfer == nil {
		return ""
	}
	return string(rep.Transfer.ID)
}
