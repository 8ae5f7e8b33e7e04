package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/report"
)

type receiptRun struct {
	keys                 []string
	transfer, reportFile string
	limits               limits
}

func receiptCommand(std stdio) *cobra.Command {
	return group(&cobra.Command{
		Use:     "receipt verify RECEIPT --key KEY [BUNDLE] [flags]",
		Short:   "check a signed report that a bundle was verified",
		Long:    "A receipt is the signed report of a verification. gapseal verify --sign-report\nwrites it.",
		Example: "gapseal receipt verify receipt.json --key station.pub app.tar",
	}, receiptVerifyCommand(std))
}

func receiptVerifyCommand(std stdio) *cobra.Command {
	r := &receiptRun{}
	c := &cobra.Command{
		Use:   "verify RECEIPT --key KEY [BUNDLE] [flags]",
		Short: "check a signed report that a bundle was verified",
		Long: `Check a receipt, as gapseal verify --sign-report writes it: who signed it, and
what it says. If a bundle is named, check also that the receipt is about
exactly these bytes: every digest is computed again. The signatures in the
bundle are not judged again; gapseal verify does that.

A receipt can be carried back to the sending side, which checks it there. KEY is
the public key of the side that verified, received out of band. The exit code is
0 only if the receipt is valid and says verified.`,
		Example: `
gapseal receipt verify receipt.json --key station.pub
gapseal receipt verify receipt.json --key station.pub app.tar \
    --transfer-id 2026-118`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usagef("receipt verify takes a receipt, and a bundle if there is one; " +
					"gapseal receipt verify --help shows how")
			}
			return nil
		},
		RunE: runs(std, r.run),
	}
	fs := c.Flags()
	fs.StringArrayVar(&r.keys, "key", nil,
		"public key of the side that verified: a PEM `FILE` (repeatable: any of them will do)")
	fs.StringVar(&r.transfer, "transfer-id", "", "demand that the receipt is of the transfer `ID`")
	fs.StringVar(&r.reportFile, "report-out", "",
		"write the JSON report in the receipt to `FILE`, if the signature holds")
	r.limits.declare(c)
	return c
}

func (r *receiptRun) run(ctx context.Context, args []string, std stdio) error {
	if len(r.keys) == 0 {
		return usagef("pass the public key of the side that verified: --key FILE")
	}
	if err := keepApart(r.reportFile, slices.Concat(args, r.keys, setFiles(args[len(args)-1], nil))); err != nil {
		return err
	}
	got, signer, err := r.open(args[0])
	if errors.As(err, new(*receipt.RefusedError)) {
		if volume.IsSet(args[0]) || beginsAsBundle(args[0]) {
			return usagef("%s is a bundle: the receipt comes first, and then the bundle", args[0])
		}
		return refuse(std.out, args[0], err)
	}
	if err != nil {
		return err
	}
	if r.reportFile != "" {
		if err := writeWhole(r.reportFile, got.Report); err != nil {
			return err
		}
	}
	refused := got.Accept(r.transfer)
	if len(args) == 2 {
		err := r.match(ctx, got, args[1], std)
		if err != nil && !errors.As(err, new(*receipt.RefusedError)) {
			return err
		}
		refused = errors.Join(refused, err)
	}
	return showReceipt(std.out, args, got, signer, refused)
}

// open reads a receipt, and returns it with the pinned key that signed it.
func (r *receiptRun) open(path string) (*receipt.Receipt, string, error) {
	keys, err := publicKeys("--key", r.keys)
	if err != nil {
		return nil, "", err
	}
	raw, err := readAtMost(path, dsse.MaxEnvelope)
	if err != nil {
		return nil, "", err
	}
	got, by, err := receipt.Open(raw, keys)
	if err != nil {
		return nil, "", &receipt.RefusedError{Reason: fmt.Sprintf("it is not a valid receipt: %v", err)}
	}
	return got, by.Fingerprint() + " (" + by.Path + ")", nil
}

// match reads the bundle and compares it with the receipt.
func (r *receiptRun) match(ctx context.Context, got *receipt.Receipt, path string, std stdio) error {
	if err := r.limits.parse(); err != nil {
		return err
	}
	src, err := openBundle(path, std)
	if err != nil {
		return err
	}
	defer src.Close()
	b, err := src.open(r.limits.budget)
	if err != nil {
		return err
	}
	bar := term.New(std.err, "reading", src.size)
	err = got.Match(ctx, b, bar.Add)
	bar.Done(err == nil)
	return err
}

// showReceipt writes what the receipt says. It does so even if the receipt is
// refused, since its signature is good.
func showReceipt(w io.Writer, args []string, got *receipt.Receipt, signer string, refused error) error {
	f := got.Found
	term.Row(w, "receipt", "says "+string(f.Verdict)+" at "+got.VerifiedAt(), "by "+f.Tool.Name+" "+f.Tool.Version)
	term.Row(w, "signed", "by "+signer)
	term.Row(w, "transfer", got.TransferID)
	term.Row(w, "bundle", term.Bytes(f.Bundle.Size)+", read from", f.Bundle.Path)
	term.Row(w, "identity", string(f.Bundle.Identity))
	for _, img := range f.Images {
		term.Row(w, "image", img.Digest, img.ClaimedReference,
			"bound by "+string(img.BoundBy)+", "+string(img.Verdict))
	}
	showLoaded(w, f)
	for _, a := range f.Anchors {
		// An identity has a name instead of a fingerprint.
		term.Row(w, "anchor", a.Kind+" ("+a.Source+")", string(a.Path), string(cmp.Or(a.Fingerprint, a.Name)))
	}
	for _, waiver := range f.Waivers {
		term.Row(w, "waiver", waiver)
	}
	for _, fault := range f.Failures {
		term.Row(w, "failed", string(fault.ID)+": "+fault.Detail)
	}
	term.Row(w, "report", got.Digest())
	if refused != nil {
		return refuse(w, args[0], refused)
	}
	last := "VALID receipt of a verified bundle"
	if f.Loaded != nil && !f.Loaded.Complete {
		last += "; NOT ALL OF IT WAS LOADED"
	}
	if len(args) == 2 {
		last += "; " + args[1] + " is that bundle, to the byte"
	}
	fmt.Fprint(w, term.Fold(term.Escape(last), term.LabelWidth))
	return nil
}

// showLoaded writes what was delivered where.
func showLoaded(w io.Writer, r *verify.Report) {
	if r.Loaded == nil {
		return
	}
	for i := range r.Loaded.Images {
		img := &r.Loaded.Images[i]
		result := "and read back"
		switch {
		case img.Skipped != "":
			result = "skipped: " + string(img.Skipped)
		case img.Error != "":
			result = "not loaded: " + strings.ReplaceAll(string(img.Error), "\n", "; ")
		case !img.ReadBack:
			result = "not read back"
		}
		term.Row(w, "loaded", report.Place(img), img.Digest, result)
	}
	term.Row(w, "load", report.Loading(r))
}

// refuse writes what each refusal expected and found, and at the end that the
// receipt is not valid.
func refuse(w io.Writer, path string, refused error) error {
	for _, err := range split(refused) {
		r := (*receipt.RefusedError)(nil)
		if !errors.As(err, &r) {
			continue
		}
		term.Row(w, "refused", r.Reason)
		term.Row(w, "expected", r.Expected)
		term.Row(w, "found", r.Found)
	}
	last := "NOT VALID " + term.Escape(path) + " is not a receipt that says what was asked for"
	fmt.Fprint(w, term.Fold(last, term.LabelWidth))
	return reported{refused}
}

// split returns the errors that were joined.
func split(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
