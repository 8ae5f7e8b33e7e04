package main

import (
	"context"
	"io"

	"github.com/spf13/pflag"

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
	flags              *pflag.FlagSet
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
			v := &verifyRun{flags: fs}
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
			fs.StringVar(&v.register, "register", "", "add an entry for this verification, even a rejected one, to the register in `DIR`, which must exist")
			fs.StringArrayVar(&v.reports, "report", nil, "also write the report to a file, as `FORMAT=FILE` (repeatable): "+reportFormatNames())
			fs.StringArrayVar(&v.volumes, "volumes", nil, volumesUsage)
			fs.StringVar(&v.volume, "volume", "", "only check this one volume, `FILE`, against the index of volumes given; this gives no verdict on the bundle")
			return v.run
		},
	}
}
