package main

import (
	"fmt"

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
		report.Row(w, "anchor", a.Kind, a.Fingerprint)
	}
	for _, waiver := range f.Waivers {
		report.Row(w, "waiver", waiver)
	}
	for _, fault := range f.Failures {
		report.Row(w, "failed", fault.ID+": "+fault.Detail)
	}
	report.Row(w, "report", got.Digest())
	if refused != nil {
		return refused
	}
	last := "VALID receipt of a verified bundle"
	if len(args) == 3 {
		last += "; " + args[2] + " is that bundle, to the byte"
	}
	fmt.Fprint(w, report.Fold(report.Terminal(last), report.LabelWidth))
	return nil
}
