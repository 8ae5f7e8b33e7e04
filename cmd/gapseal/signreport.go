package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/dsse"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/report"
)

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
	say(w, "receipt in %s, signed by\n  %s", report.Terminal(s.receipt), s.signer.Public().Fingerprint())
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
