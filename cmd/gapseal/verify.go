package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/progress"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// renderers are the forms of a report, by the name --output takes.
var renderers = map[string]func(io.Writer, *verify.Report) error{
	"text": report.Text, "json": report.JSON, "cosign": report.Cosign,
}

type verifyRun struct {
	judging
	deep, fileDigest   bool
	output, outputFile string
	register           string
	known              *register.Register // nil if nothing is recorded
	attestationOut     string
	volumes            []string
	volume             string
	sealKeys           []string
	transfer           transfer
	sign               signing
	reports            []string
	reportFiles        reportFiles
}

func verifyCommand() *command {
	return &command{
		name: "verify", args: "FILE --key KEY [flags]", short: "prove on the air-gapped host that a bundle is what was signed",
		long: `Verify a bundle with no network at all: the container byte by byte, each digest,
each signature and attestation, and the transparency log's word for them.

The key is what you trust, so it comes by another road than the bundle: a PEM
file, or the fingerprint that somebody read to you. For keyless signatures it is
an identity with its issuer, and a trusted root. Without a key or an identity a
bundle is rejected as unanchored. FILE may be - for a pipe, or the index of
volumes or the first of them, which are then read without joining them.

The identity in the report is the SHA-256 of the bundle's index.json, which
fixes every byte of a verified bundle.`,
		examples: `
gapseal verify app.tar --key cosign.pub
gapseal verify app.tar --key sha256:9c2f… \
    --image ghcr.io/acme/app:v1@sha256:285a…
gapseal verify app.tar --key cosign.pub --seal-key acme-seal.pub
gapseal verify app.tar --key cosign.pub -a repo=acme/app --max-age 90d --deep
gapseal verify app.tar --trusted-root trusted_root.json \
    --certificate-identity release@acme.example \
    --certificate-oidc-issuer https://accounts.acme.example
gapseal verify app.tar --key cosign.pub -o json --output-file report.json
gapseal verify app.tar --key cosign.pub --report html=report.html
gapseal verify app.volumes.json --key cosign.pub --volumes /media/dvd2
gapseal verify --volume app.tar.002 app.volumes.json
ssh transfer cat app.tar | gapseal verify - --key cosign.pub`,
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			v := &verifyRun{}
			v.declare(fs, "pin this key: a PEM `FILE`, or sha256:… which selects a key in the bundle (repeatable; any of them will do)",
				"demand that `OS/ARCH[/VARIANT]` is in the bundle (repeatable)")
			fs.BoolVar(&v.deep, "deep", false, "also unpack every layer and compare it with the diff_ids of its config")
			fs.BoolVar(&v.fileDigest, "file-digest", false, "also report the SHA-256 of the whole file")
			fs.StringArrayVar(&v.sealKeys, "seal-key", nil, "demand a seal over the bundle by the public key in this PEM `FILE`, brought by another road (repeatable; any of them will do)")
			v.transfer.declare(fs)
			v.sign.declare(fs)
			fs.StringVarP(&v.output, "output", "o", "text", "`FORMAT` of the report: text, json or cosign")
			fs.StringVar(&v.attestationOut, "attestation-out", "", "write the statements of attestations that verify into this `DIR`, which must exist, if the bundle does")
			fs.StringVar(&v.outputFile, "output-file", "", "write the report to `FILE` and one line to stderr")
			fs.StringVar(&v.register, "register", "", "add an entry for this verification, also a rejected one, to the register in `DIR`, which must exist")
			fs.StringArrayVar(&v.reports, "report", nil, "also write the report to a file, as `FORMAT=FILE` (repeatable): "+reportFormatNames())
			fs.StringArrayVar(&v.volumes, "volumes", nil, volumesUsage)
			fs.StringVar(&v.volume, "volume", "", "only hold this one volume, `FILE`, against the index of volumes given; no verdict on the bundle")
			return v.run
		},
	}
}

func (v *verifyRun) run(ctx context.Context, args []string, io stdio) error {
	if len(args) != 1 {
		return usagef("verify takes one bundle, found %d; gapseal verify --help shows how", len(args))
	}
	if v.volume != "" {
		return verifyVolume(ctx, v.volume, args[0], io)
	}
	if err := v.checkOutputs(args[0]); err != nil {
		return err
	}
	o, err := v.prepare(args[0], io)
	if err != nil {
		return err
	}
	defer v.abort()
	if err := v.create(ctx, io); err != nil {
		return err
	}
	v.tell(io.err)
	rep, err := v.judge(ctx, args[0], o, io)
	if rep == nil {
		return err
	}
	if werr := v.deliver(ctx, rep, o, io); werr != nil {
		return werr
	}
	if err != nil {
		return told{err}
	}
	return nil
}

// checkOutputs refuses what could not be written, or would be written over what
// is read.
func (v *verifyRun) checkOutputs(bundle string) (err error) {
	if renderers[v.output] == nil {
		return usagef("--output %q: want text, json or cosign", v.output)
	}
	inputs := append(v.inputs(), bundle, v.transfer.file)
	inputs = append(inputs, setFiles(bundle, v.volumes)...)
	for _, out := range v.outputs() {
		if v.register != "" && sameFolder(out, v.register) {
			return usagef("%s lies in the register, where nothing but its entries belongs; write elsewhere", out)
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

// sameFolder reports whether a file lies in a folder.
func sameFolder(file, dir string) bool {
	a, erra := os.Stat(filepath.Dir(file))
	b, errb := os.Stat(dir)
	return file != "" && erra == nil && errb == nil && os.SameFile(a, b)
}

// prepare reads everything that the verification needs but the bundle.
func (v *verifyRun) prepare(path string, io stdio) (verify.Options, error) {
	o, err := v.options(pinKey)
	if err != nil {
		return o, err
	}
	o.Deep, o.Path = v.deep, path
	sealers, err := publicKeys("--seal-key", v.sealKeys)
	if err != nil {
		return o, err
	}
	if o.SealKeys, err = joinSealKeys(o.SealKeys, sealers); err != nil {
		return o, err
	}
	if v.register != "" {
		if v.known, err = openRegister(v.register); err != nil {
			return o, err
		}
		if _, _, _, err := v.known.HighWater("", ""); err != nil {
			return o, err // damaged: there is no verdict that could be trusted and recorded
		}
		o.Known = freshRegister(v.register)
	} else if o.Policy != nil && o.Policy.RefuseRollback {
		return o, usagef("the policy refuses what is older than a register knows: name it with --register DIR")
	}
	return o, v.transfer.parse(&o, io)
}

// create asks for what signing needs, and opens the files to be written, so that
// nothing of it fails after the long work.
func (v *verifyRun) create(ctx context.Context, io stdio) error {
	if err := v.reportFiles.create(); err != nil {
		return err
	}
	if err := v.sign.load(ctx, io); err != nil {
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
func (v *verifyRun) deliver(ctx context.Context, rep *verify.Report, o verify.Options, io stdio) error {
	if err := v.record(ctx, io.err, rep, o.Named()); err != nil {
		return err
	}
	if err := writeStatements(v.attestationOut, rep); err != nil {
		return err
	}
	if err := v.reportFiles.write(rep); err != nil {
		return err
	}
	if err := v.sign.write(rep, transferID(rep), io.err); err != nil {
		return err
	}
	return v.write(rep, io)
}

// judge opens the bundle and has it verified.
func (v *verifyRun) judge(ctx context.Context, path string, o verify.Options, io stdio) (*verify.Report, error) {
	src, err := openBundle(path, io, v.volumes...)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	v.fileDigest = v.fileDigest || v.reportFiles.wants("sha256")
	if v.fileDigest || v.reportFiles.wants("vsa") {
		src.tee()
	}
	r, err := src.open(o.Limits)
	if err != nil {
		return nil, err
	}
	var bar *progress.Bar
	o.Progress = func(n int64) { bar.Add(n) }
	o.OnMetadata = func(early verify.Report) {
		if src.stream {
			announce(io.err, early)
		}
		bar = progress.New(io.err, "verifying", src.size)
	}
	rep, err := verify.Bundle(ctx, r, o)
	bar.Done(false) // the report says how much it was
	if rep != nil && (v.fileDigest || v.reportFiles.wants("vsa") && rep.Bundle.Identity == "") {
		d, derr := src.digest()
		if derr != nil {
			return nil, derr
		}
		rep.Bundle.FileDigest = verify.Text(d)
	}
	if rep != nil {
		list, verr := src.volumeFiles(v.reportFiles.wants("sha256"))
		if verr != nil {
			return nil, verr
		}
		rep.Bundle.Volumes = list
	}
	return rep, err
}

// announce tells, before a long pipe has been read, that it need not be.
func announce(w io.Writer, early verify.Report) {
	if early.Verdict == verify.Rejected {
		fmt.Fprintf(w, "gapseal: rejected by its metadata already (%s); reading on for the full report\n", early.Failures[0].ID)
	}
}

// write puts the report where it was asked for. As with cosign verify, the text
// for people goes to stderr when stdout has cosign's JSON, and that is written
// for what is verified only.
func (v *verifyRun) write(rep *verify.Report, io stdio) error {
	if v.output == "cosign" {
		if err := report.Text(io.err, rep); err != nil {
			return err
		}
	}
	switch {
	case v.outputFile != "":
		return v.toFile(rep, io)
	case v.output == "cosign" && rep.Verdict == verify.Rejected:
		return nil
	}
	return renderers[v.output](io.out, rep)
}

func (v *verifyRun) toFile(rep *verify.Report, io stdio) error {
	err := writeFile(v.outputFile, func(f *atomicfile.File) error { return renderers[v.output](f, rep) })
	if err != nil {
		return err
	}
	for _, w := range rep.Waivers {
		fmt.Fprintf(io.err, "WARNING a rule was waived: %s\n", report.Terminal(w))
	}
	fmt.Fprintf(io.err, "gapseal: %s; report in %s\n", rep.Verdict, v.outputFile)
	return nil
}

// transferID is the number that the transfer goes by, if anybody said so.
func transferID(rep *verify.Report) string {
	if rep.Transfer == nil {
		return ""
	}
	return string(rep.Transfer.ID)
}

// record adds the report to the register, if one was named.
func (v *verifyRun) record(ctx context.Context, w io.Writer, rep *verify.Report, own []oci.Reference) error {
	if v.known == nil {
		return nil
	}
	var doc bytes.Buffer
	if err := report.JSON(&doc, rep); err != nil {
		return err
	}
	n, err := appendRegister(ctx, v.known, rep, doc.Bytes(), own, transferID(rep))
	if err == nil {
		fmt.Fprintf(w, "gapseal: entry %d in the register %s\n", n, report.Terminal(v.register))
	}
	return err
}
