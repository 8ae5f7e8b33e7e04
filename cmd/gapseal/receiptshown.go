package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/report"
)

// showReceipt writes what the receipt says, whether it is good or not: its
// signature holds.
func showReceipt(w *output, args []string, got *receipt.Receipt, signer string, refused error) error {
	f := &got.Found
	said := "says " + string(f.Verdict)
	report.Row(w, "receipt", said+" at "+f.VerifiedAt, "by "+f.Tool.Name+" "+f.Tool.Version)
	report.Row(w, "signed", "by "+signer)
	report.Row(w, "transfer", got.TransferID)
	report.Row(w, "bundle", report.Bytes(f.Bundle.Size)+", read from", f.Bundle.Path)
	if f.Bundle.Identity != nil {
		report.Row(w, "identity", *f.Bundle.Identity)
	}
	for _, img := range f.Images {
		report.Row(w, "image", img.Digest, img.Reference, "bound by "+img.BoundBy+", "+img.Verdict)
	}
	for _, a := range f.Anchors {
		// an identity has no fingerprint, but a name
		report.Row(w, "anchor", a.Kind+" ("+a.Source+")", a.Path, cmp.Or(a.Fingerprint, a.Name))
	}
	for _, waiver := range f.Waivers {
		report.Row(w, "waiver", waiver)
	}
	for _, fault := range f.Failures {
		report.Row(w, "failed", fault.ID+": "+fault.Detail)
	}
	report.Row(w, "report", got.Digest())
	if refused != nil {
		return refuse(w, args[1], refused)
	}
	last := "VALID receipt of a verified bundle"
	if len(args) == 3 {
		last += "; " + args[2] + " is that bundle, to the byte"
	}
	fmt.Fprint(w, report.Fold(report.Terminal(last), report.LabelWidth))
	return nil
}

// refuse says of each refusal what was expected and found, and last that the
// receipt does not do.
func refuse(w io.Writer, path string, refused error) error {
	for _, err := range split(refused) {
		r := (*receipt.RefusedError)(nil)
		if !errors.As(err, &r) {
			continue
		}
		report.Row(w, "refused", r.Reason)
		report.Row(w, "expected", r.Expected)
		report.Row(w, "found", r.Found)
	}
	fmt.Fprint(w, report.Fold("NOT VALID "+report.Terminal(path)+" is no receipt that says what was asked for", report.LabelWidth))
	return told{refused}
}

// split returns the errors that were joined.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
