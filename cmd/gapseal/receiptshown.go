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
	row(w, "receipt", said+" at "+f.VerifiedAt, "by "+f.Tool.Name+" "+f.Tool.Version)
	row(w, "signed", "by "+signer)
	row(w, "transfer", got.TransferID)
	row(w, "bundle", report.Bytes(f.Bundle.Size)+", read from", f.Bundle.Path)
	if f.Bundle.Identity != nil {
		row(w, "identity", *f.Bundle.Identity)
	}
	for _, img := range f.Images {
		row(w, "image", img.Digest, img.Reference, "bound by "+img.BoundBy+", "+img.Verdict)
	}
	for _, a := range f.Anchors {
		row(w, "anchor", a.Kind, a.Fingerprint)
	}
	for _, waiver := range f.Waivers {
		row(w, "waiver", waiver)
	}
	for _, fault := range f.Failures {
		row(w, "failed", fault.ID+": "+fault.Detail)
	}
	row(w, "report", got.Digest())
	if refused != nil {
		return refused
	}
	last := "VALID receipt of a verified bundle"
	if len(args) == 3 {
		last += "; " + args[2] + " is that bundle, to the byte"
	}
	fmt.Fprint(w, report.Fold(report.Terminal(last), labelWidth))
	return nil
}
