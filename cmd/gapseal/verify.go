package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// renderers write the report for each value of --output.
var renderers = map[string]func(io.Writer, *verify.Report) error{
	"text": report.Text, "json": report.JSON, "cosign": report.Cosign,
}

type verifyRun struct {
	judging
	flags              *pflag.FlagSet
	bring              delivery // verifies, and with load brings the images somewhere
	doing              string   // what the progress bar says
	alsoReads          []string // files that the command reads besides those of verify
	alsoWrites         string   // a file that it writes besides those of verify
	readsTwice         bool     // the content is read again after the verdict
	speaker            *speaker // what speaks while the progress bar is shown; nil for nothing
	fileDigest         bool
	output, outputFile string
	register           string
	known              *register.Register // nil if nothing is recorded
	begunEntry         int64              // the entry that says that loading began; 0 for none
	attestationOut     string
	volumes            []string
	volume             string
	sealKeys           []string
	lock               string
	transfer           transfer
	sign               signing
	reports            []string
	reportFiles        reportFiles
}

// delivery verifies the bundle that a reader reads.
type delivery func(context.Context, *bundle.Reader, verify.Options) (*verify.Report, error)

// verifyOnly is the delivery of verify: nothing is delivered.
func verifyOnly(ctx context.Context, r *bundle.Reader, o verify.Options) (*verify.Report, error) {
	return verify.Bundle(ctx, r, o)
}

func verifyCommand(std stdio) *cobra.Command {
	v := &verifyRun{bring: verifyOnly, doing: "verifying"}
	c := &cobra.Command{
		Use:   "verify FILE --key KEY [flags]",
		Short: "prove on the air-gapped host that a bundle is what was signed",
		Long: `Verify a bundle with no network at all: the container byte by byte, each digest,
each signature and attestation, and their entries in transparency logs.

The key is what you trust, so get it out of band: a PEM file, or the fingerprint
that somebody read to you. For keyless signatures, name an identity and its
issuer; what Sigstore's public services did not sign also needs a trusted root.
Without a key or an identity, a bundle is rejected as unanchored. FILE may be -
for a pipe, the index of volumes, or the first volume: no need to join them.`,
		Example: `
gapseal verify app.tar --key cosign.pub
gapseal verify app.tar --key sha256:9c2f… \
    --image ghcr.io/acme/app:v1@sha256:285a…
gapseal verify app.volumes.json --policy imports.yaml --register /srv/register

gapseal verify app.tar --key cosign.pub --seal-key acme-seal.pub
gapseal verify app.tar --key cosign.pub --lock app.lock.json
gapseal verify app.tar --key cosign.pub -a repo=acme/app --max-age 90d --deep
gapseal verify app.tar --trusted-root trusted_root.json \
    --certificate-identity release@acme.example \
    --certificate-oidc-issuer https://accounts.acme.example
gapseal verify app.tar --key cosign.pub -o json --output-file report.json
gapseal verify app.tar --key cosign.pub --report html=report.html
gapseal verify app.volumes.json --key cosign.pub --volumes /media/dvd2
gapseal verify --volume app.tar.002 app.volumes.json
ssh transfer cat app.tar | gapseal verify - --key cosign.pub`,
		Annotations: map[string]string{
			commonFlags: "key certificate-identity certificate-oidc-issuer trusted-root policy seal-key image lock " +
				"output output-file report register volumes",
			flagHeadings: `
Who is trusted: ` + trustFlags + `
What is demanded: ` + demandFlags + ` lock seal-stream platform deep
Waivers, each of which shows in every report: ` + waiverFlags + `
Reading the bundle: volumes volume limit
Reports: output output-file report file-digest attestation-out
Records: register transfer ask sign-report receipt`,
		},
		Args:              takes(1, "one bundle"),
		ValidArgsFunction: completeFile,
		RunE:              runs(std, v.run),
	}
	v.declareFlags(c)
	c.Flags().StringVar(&v.volume, "volume", "",
		"only compare this one volume, `FILE`, with the index of volumes; this gives no verdict on the bundle")
	return c
}

func (v *verifyRun) declareFlags(c *cobra.Command) {
	fs := c.Flags()
	v.flags = fs
	v.declare(c,
		"trust this key: a PEM `FILE`, or sha256:… to pick a key in the bundle (repeatable: any of them will do)",
		"demand that `OS/ARCH[/VARIANT]` is in the bundle (repeatable)")
	completes(c, "image", completeImages)
	fs.BoolVar(&v.opt.Deep, "deep", false, "also unpack every layer and compare it with the diff_ids of its config")
	fs.BoolVar(&v.fileDigest, "file-digest", false, "also report the SHA-256 of the whole file")
	fs.StringArrayVar(&v.sealKeys, "seal-key", nil, "demand that the key of this PEM `FILE`, received out of "+
		"band, has sealed the bundle (repeatable: any of them will do)")
	fs.StringVar(&v.opt.SealStream, "seal-stream", "", "demand that the seal belongs to the stream `NAME`")
	fs.StringVar(&v.lock, "lock", "", "demand exactly the images of this lock `FILE`, received out of band, which "+
		"binds their names")
	v.transfer.declare(fs)
	v.sign.declare(fs)
	fs.StringVarP(&v.output, "output", "o", "text", "`FORMAT` of the report: text, json or cosign")
	fs.StringVar(&v.attestationOut, "attestation-out", "",
		"if the bundle verifies, write the statements of good attestations into this `DIR`, which must exist")
	fs.StringVar(&v.outputFile, "output-file", "", "write the report to `FILE` and one line to stderr")
	fs.StringVar(&v.register, "register", "",
		"add an entry for this verification, even a rejected one, to the register in `DIR`, which must exist")
	fs.StringArrayVar(&v.reports, "report", nil,
		"also write the report to a file, as `FORMAT=FILE` (repeatable): "+reportFormatNames())
	fs.StringArrayVar(&v.volumes, "volumes", nil, volumesUsage)
	completes(c, "output", words("text", "json", "cosign"))
	completes(c, "report", assigned(filesLike, strings.Split(reportFormatNames(), ", ")...))
}

func (v *verifyRun) run(ctx context.Context, args []string, std stdio) error {
	if v.volume != "" {
		if name := v.flagBesides("volume"); name != "" {
			return usagef("--volume compares one volume with its index and judges nothing: leave out --%s", name)
		}
		return verifyVolume(ctx, v.volume, args[0], std)
	}
	return v.verdict(ctx, args, std)
}

// verdict verifies the bundle, and writes everything that was asked for.
func (v *verifyRun) verdict(ctx context.Context, args []string, std stdio) error {
	if err := v.checkOutputs(args[0]); err != nil {
		return err
	}
	if err := v.transfer.reachable(args[0], v.volumes, std); err != nil {
		return err
	}
	o, err := v.prepare(args[0], std)
	if err != nil {
		return err
	}
	defer v.abort()
	if err := v.create(ctx, std); err != nil {
		return err
	}
	v.writeNotes(std.err)
	rep, err := v.judge(ctx, args[0], o, std)
	if rep == nil {
		return err
	}
	if rep.Loaded != nil {
		var done context.CancelFunc
		ctx, done = unhurried(ctx)
		defer done()
	}
	if werr := v.deliver(ctx, rep, o, std); werr != nil {
		return v.unrecorded(rep, werr)
	}
	if errors.Is(err, context.Canceled) {
		return err // nothing has said so yet
	}
	if err != nil {
		return reported{err}
	}
	return nil
}

// openSource opens the bundle. A pipe is kept in a file if it is read twice.
func (v *verifyRun) openSource(ctx context.Context, path string, std stdio) (*bundleSource, error) {
	src, err := openBundle(path, std, v.volumes...)
	if err != nil || !src.stream || !v.readsTwice {
		return src, err
	}
	defer src.Close()
	return spool(ctx, src.File, v.limits.budget.WithDefaults().Total, std)
}

// judge opens and verifies the bundle.
func (v *verifyRun) judge(ctx context.Context, path string, o verify.Options, std stdio) (*verify.Report, error) {
	src, err := v.openSource(ctx, path, std)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	if v.fileDigestNeeded() != report.Never {
		src.tee()
	}
	r, err := src.open(v.limits.budget)
	if err != nil {
		return nil, err
	}
	var bar *term.Bar
	o.Progress = func(n int64) { bar.Add(n) }
	o.OnMetadata = func(early verify.Report) {
		if src.stream {
			announce(std.err, early)
		}
		total := src.size
		if v.readsTwice {
			total *= 2
		}
		bar = term.New(std.err, v.doing, total)
		v.speaker.to(bar.Above(std.err))
	}
	rep, err := v.bring(ctx, r, o)
	v.speaker.to(std.err)
	bar.Done(false) // the report says how much was read
	if rep == nil {
		return nil, err
	}
	if ferr := v.describe(rep, src); ferr != nil {
		return nil, v.unrecorded(rep, ferr)
	}
	return rep, err
}

// fileDigestNeeded returns when the digest of the bundle file is needed, for
// --file-digest or for one of the reports.
func (v *verifyRun) fileDigestNeeded() report.Need {
	if v.fileDigest {
		return report.Always
	}
	return v.reportFiles.fileDigest()
}

// describe adds to the report the digests of the file and the list of volumes.
func (v *verifyRun) describe(rep *verify.Report, src *bundleSource) (err error) {
	if v.fileDigestNeeded().For(rep) {
		d, err := src.digest()
		if err != nil {
			return err
		}
		rep.Bundle.FileDigest = verify.Text(d)
	}
	rep.Bundle.Volumes, err = src.volumeFiles(v.reportFiles.volumes())
	return err
}

// announce reports a rejection before a long pipe has been read to its end.
func announce(w io.Writer, early verify.Report) {
	if early.Verdict == check.Rejected {
		term.Say(w, "rejected by its metadata (%s); reading on for the full report", early.Failures[0].ID)
	}
}

// flagBesides returns a flag that was given besides the named one, if there is any.
func (v *verifyRun) flagBesides(only string) (other string) {
	v.flags.Visit(func(f *pflag.Flag) {
		if f.Name != only {
			other = f.Name
		}
	})
	return other
}

// prepare reads everything that the verification needs, except the bundle.
func (v *verifyRun) prepare(path string, std stdio) (verify.Options, error) {
	o, err := v.options(pinKey)
	if err != nil {
		return o, err
	}
	if err := keepPolicyKeys(v.outputs(), &o); err != nil {
		return o, err
	}
	o.Path = path
	sealers, err := publicKeys("--seal-key", v.sealKeys)
	if err != nil {
		return o, err
	}
	if o.SealKeys, err = joinSealKeys(o.SealKeys, sealers); err != nil {
		return o, err
	}
	if o.SealStream != "" && len(o.SealKeys) == 0 {
		return o, usagef("--seal-stream: a seal counts only under a pinned key: pass the sender's with --seal-key")
	}
	if err := readLock(v.lock, &o); err != nil {
		return o, err
	}
	if v.register != "" {
		if v.known, err = openRegister(v.register); err != nil {
			return o, err
		}
		if _, _, _, err := v.known.HighWater("", ""); err != nil {
			return o, err // the register is damaged: it cannot be read, so nothing may be added to it
		}
		o.Known = register.OnDemand(v.register)
	} else if o.Policy != nil && o.Policy.RefuseRollback {
		return o, usagef("the policy refuses bundles older than those in the register: name it with --register DIR")
	}
	return o, v.transfer.parse(&o, std)
}

// checkOutputs refuses output files that cannot be written, or that would be
// written over an input.
func (v *verifyRun) checkOutputs(bundle string) (err error) {
	if renderers[v.output] == nil {
		return usagef("--output %q: want text, json or cosign", v.output)
	}
	inputs := append(v.inputs(), bundle, v.transfer.file)
	inputs = append(inputs, setFiles(bundle, v.volumes)...)
	for _, out := range v.outputs() {
		if err := keepOutside(out, v.register); err != nil {
			return err
		}
	}
	for _, out := range []string{v.outputFile, v.alsoWrites} {
		if err := keepApart(out, inputs); err != nil {
			return err
		}
	}
	if err := v.checkArchive(inputs); err != nil {
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

// checkArchive refuses an archive that would be written over an input, another output, or a
// file that exists: that may be the only copy of other images.
func (v *verifyRun) checkArchive(inputs []string) error {
	if err := keepApart(v.alsoWrites, inputs); err != nil {
		return err
	}
	others := v.outputs()
	for _, out := range others[:len(others)-1] { // the last is the archive
		if samePath(v.alsoWrites, out) {
			return usagef("%s would be written twice: as the archive and as a report", out)
		}
	}
	if v.alsoWrites == "" {
		return nil
	}
	if err := atomicfile.Check(v.alsoWrites); err != nil {
		return &usageError{err.Error()}
	}
	return refuseExisting(v.alsoWrites, "load replaces no file: it may hold other images")
}

// outputs returns the files that flags and arguments name to be written.
func (v *verifyRun) outputs() (list []string) {
	for _, arg := range v.reports {
		_, path, _ := strings.Cut(arg, "=")
		list = append(list, path)
	}
	return append(list, v.outputFile, v.sign.receipt, v.alsoWrites)
}

// inputs returns the files that verify reads, besides the bundle.
func (v *verifyRun) inputs() []string {
	return slices.Concat(v.judging.inputs(), v.sealKeys, []string{v.sign.key, v.lock}, v.alsoReads)
}

// create opens the files to be written and reads the signing key before the long
// work, so that a failure is reported at once.
func (v *verifyRun) create(ctx context.Context, std stdio) error {
	if err := v.reportFiles.create(); err != nil {
		return err
	}
	if err := v.sign.load(ctx, std); err != nil {
		return err
	}
	return v.sign.create()
}

func (v *verifyRun) abort() {
	v.reportFiles.abort()
	v.sign.abort()
}

// verifyVolume compares one volume with the index, before the others arrive.
func verifyVolume(ctx context.Context, path, index string, std stdio) error {
	if !volume.IsIndex(index) {
		return usagef("--volume FILE needs the index of volumes:\n  gapseal verify --volume %s NAME.volumes.json", path)
	}
	if _, n := volume.Number(path); n == 0 {
		return usagef("--volume %s: the name of a volume ends in its number, such as .002", path)
	}
	const noVerdict = "This is no verdict on the bundle: only gapseal verify of all volumes gives one."
	x, err := volume.ReadIndex(index)
	if bad := (*volume.IndexError)(nil); errors.As(err, &bad) {
		err = &check.Fault{ID: check.MediaIndex, Subject: bad.Path, Detail: "the index of volumes " + bad.Reason}
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, noVerdict)
	}
	bar := term.New(std.err, "checking", 0)
	v, err := volume.CheckOne(ctx, path, x, bar.Add)
	bar.Done(false)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, noVerdict)
	}
	_, err = fmt.Fprintf(std.out, "volume %d of %d (%s) arrived as the index lists it: %s\n%s\n%s\n",
		v.Number, len(x.Volumes), term.Bytes(v.Size), term.Escape(filepath.Base(path)), v.Digest, noVerdict)
	return err
}
