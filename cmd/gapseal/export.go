package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

type exportRun struct {
	judging
	sealing
	connection
	cut                 cutting
	output              string
	lockOut             string
	allowUnverified     bool
	signatures          string
	allowMissingForeign bool
	noLeftOut           bool
	jobs                int
}

func exportCommand(std stdio) *cobra.Command {
	e := &exportRun{}
	c := &cobra.Command{
		Use:   "export IMAGE… --key KEY -o FILE [flags]",
		Short: "put images with all their evidence into one bundle",
		Long: `Pull images, their signatures, log entries, attestations and referrers from a
registry, and write them with the public key into one bundle.

Export judges the signatures with the same code as verify, before it fetches a
layer, and writes nothing that would not verify. The same digests always make
the same file. Credentials and certificates are those of Docker and Podman.`,
		Example: `
gapseal export ghcr.io/acme/app:v1 --key cosign.pub -o app.tar
gapseal export ghcr.io/acme/app:v1 ghcr.io/acme/db:v7 \
    --key cosign.pub -o all.tar
gapseal export ghcr.io/acme/app:v1 --platform linux/amd64 \
    --key https://acme.example/cosign.pub -o app.tar

gapseal export mirror.example/app:v1 --key cosign.pub -o app.tar \
    --accept-reference mirror.example/app=ghcr.io/acme/app
gapseal export ghcr.io/acme/app:v1 --key cosign.pub -o app.tar \
    --seal seal.key --seal-stream acme
gapseal export ghcr.io/acme/app:v1 --key cosign.pub -o app.tar \
    --volume-size dvd --recovery 10
gapseal export ghcr.io/acme/app:v1 --key cosign.pub -o - |
    ssh transfer 'cat > app.tar'`,
		Annotations: map[string]string{
			commonFlags: "output key policy certificate-identity certificate-oidc-issuer trusted-root platform " +
				"seal seal-stream volume-size recovery accept-reference",
			flagHeadings: `
What is written: output lock-out seal seal-* volume-size recovery
Who is trusted: ` + trustFlags + `
What is demanded: ` + demandFlags + `
Waivers, each of which shows in every report: ` + waiverFlags + `
What is fetched: platform no-left-out allow-missing-foreign-layers allow-*-registry registry-cacert registry-cert ` +
				`registry-key signature-repository jobs limit`,
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              runs(std, e.run),
	}
	e.declareFlags(c)
	return c
}

func (e *exportRun) declareFlags(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVarP(&e.output, "output", "o", "", "write the bundle to `FILE`, or - for a pipe")
	e.judging.declare(c,
		"public key to judge with and to carry: a PEM `FILE` or https URL (repeatable: any of them will do)",
		"carry only `OS/ARCH[/VARIANT]` of a multi-platform image (repeatable)")
	fs.BoolVar(&e.allowUnverified, "allow-unverified", false,
		"waiver: write the bundle although it does not verify; the bundle records this")
	fs.BoolVar(&e.allowMissingForeign, "allow-missing-foreign-layers", false,
		"leave out layers that their publisher keeps elsewhere (Windows) where the registry does not hold them")
	fs.BoolVar(&e.noLeftOut, "no-left-out", false,
		"refuse to export if any evidence cannot be carried; by default, it is left out and recorded")
	e.connection.declare(fs)
	fs.StringVar(&e.signatures, "signature-repository", os.Getenv("COSIGN_REPOSITORY"),
		"also look for signatures in this `REPO` (environment: COSIGN_REPOSITORY)")
	fs.IntVar(&e.jobs, "jobs", 4, "fetch `N` layers at a time")
	declareLockOut(fs, &e.lockOut)
	e.sealing.declare(fs)
	e.cut.declare(c)
}

func (e *exportRun) run(ctx context.Context, args []string, std stdio) error {
	if err := e.checkUsage(args, std); err != nil {
		return err
	}
	e.speaker.to(std.err)
	o, err := e.options(func(arg string, o *verify.Options) error { return e.carryKey(ctx, arg, o) })
	if err != nil {
		return err
	}
	if err := keepPolicyKeys(e.outputs(), &o); err != nil {
		return err
	}
	e.writeNotes(std.err)
	if err := e.sealing.load(ctx, std); err != nil {
		return err
	}
	if err := e.leaveToVerify(&o); err != nil {
		return err
	}
	src, req, err := e.request(args, &o, std)
	if err != nil {
		return err
	}
	plan, fetch, err := bundle.Collect(ctx, src, req)
	if err != nil {
		return fmt.Errorf("%w\nNothing was written.", adviseSource(err))
	}
	if err := e.checkLeftOut(plan.Inventory, std.err); err != nil {
		return err
	}
	if err := e.seal(plan, &o); err != nil {
		return err
	}
	if err := e.gate(plan, o, std); err != nil {
		return err
	}
	if err := e.write(ctx, plan, fetch, std); err != nil {
		return err
	}
	e.reportWritten(std.err, plan)
	return writeLock(e.lockOut, plan.Inventory, std.err)
}

func (e *exportRun) checkUsage(args []string, std stdio) error {
	switch {
	case len(args) == 0:
		return usagef("export takes at least one image; gapseal export --help shows how")
	case e.output == "":
		return usagef("say where to write the bundle: -o FILE, or -o - for a pipe")
	case !e.namesSigner() && !e.accepted.sender:
		return usagef("pass the publisher's public key: --key FILE or --key https://…; or who signs keyless: " +
			"--certificate-identity")
	case e.jobs < 1 || e.jobs > 64:
		return usagef("--jobs %d: want a number from 1 to 64", e.jobs)
	case e.output == "-" && term.IsTerminal(std.out.file):
		return usagef("the bundle would go to the terminal; redirect standard output, or name a file")
	}
	if err := e.cut.parse(e.output); err != nil {
		return err
	}
	if err := e.connection.check(); err != nil {
		return err
	}
	if err := e.sealing.check(e.allowUnverified); err != nil {
		return err
	}
	return e.checkOutput()
}

func (e *exportRun) request(args []string, o *verify.Options, std stdio) (*registry.Source, bundle.Request, error) {
	req := bundle.Request{
		Platforms: o.Platforms, Limits: e.limits.budget, Tool: bundle.Tool{Name: "gapseal", Version: version()},
	}
	for _, a := range args {
		ref, note, err := parseImage("", a)
		if err != nil {
			return nil, req, err
		}
		if note != "" {
			term.Say(std.err, "note: %s", term.Escape(note))
		}
		req.Images = append(req.Images, ref)
	}
	for _, k := range carriedKeys(o) {
		req.Keys = append(req.Keys, bundle.PublicKey{Fingerprint: k.Fingerprint(), PEM: []byte(k.PEM())})
	}
	req.Vouches = verify.Vouches(*o)
	req.AllowMissingForeign = e.allowMissingForeign
	if e.allowUnverified {
		req.Waivers = []string{bundle.WaiverAllowUnverified}
	}
	if o.Policy != nil {
		rule := o.Policy.Match()
		req.EvidenceFor = func(ref oci.Reference) string {
			if r := rule(ref); r != nil {
				return r.SignatureRepository
			}
			return ""
		}
	}
	if e.signatures != "" {
		repo, err := oci.ParseRepository(e.signatures)
		if err != nil {
			return nil, req, usagef("--signature-repository: %v", err)
		}
		req.Evidence = repo
	}
	req.OnResolved = func(ref oci.Reference, d oci.Digest) { fmt.Fprintf(std.err, "%s\n  is %s\n", ref, d) }
	src, err := e.connection.source(e.limits.budget.WithDefaults())
	return src, req, err
}

// carriedKeys returns the keys that may vouch for some image, each once.
func carriedKeys(o *verify.Options) (keys []*trust.Key) {
	all := slices.Clone(o.Keys)
	if o.Policy != nil {
		for _, r := range o.Policy.Rules {
			all = append(all, r.Keys...)
		}
	}
	seen := map[string]bool{}
	for _, k := range all {
		if f := k.Fingerprint(); !seen[f] {
			seen[f] = true
			keys = append(keys, k)
		}
	}
	return keys
}

// carryKey takes --key of export, which needs the key itself: it is carried in the
// bundle.
func (e *exportRun) carryKey(ctx context.Context, arg string, o *verify.Options) error {
	switch {
	case isFingerprint(arg):
		return usagef("--key %s: export carries the key itself, so it needs a PEM file or an https URL", arg)
	case !isURL(arg):
		return addKey(arg, o)
	}
	opts, err := e.connection.reach()
	if err != nil {
		return err
	}
	raw, err := registry.Fetch(ctx, arg, opts)
	connect := (*registry.ConnectError)(nil)
	switch {
	case errors.As(err, &connect) && connect.Cause == registry.CausePlainHTTP:
		return err // which no flag allows for a key
	case err != nil:
		return adviseSource(err)
	}
	keys, err := parseKeys("--key", hideUser(arg), raw)
	o.Keys = append(o.Keys, keys...)
	return err
}

// leaveToVerify drops the demands of a policy that only the receiving side can
// check: it has the transfer record, which comes with the media, and the register.
// If the policy demands a seal, export must make it.
func (e *exportRun) leaveToVerify(o *verify.Options) error {
	if o.Policy != nil {
		o.Policy.Transfer, o.Policy.RefuseRollback = nil, false
	}
	demanded := o.SealKeys
	o.SealKeys = nil
	if len(demanded) == 0 {
		return nil
	}
	if e.signer == nil {
		return usagef("the policy demands a seal, so verify would refuse this bundle: pass the key with --seal and " +
			"--seal-stream")
	}
	own := e.signer.Public().Fingerprint()
	if !slices.ContainsFunc(demanded, func(k *trust.Key) bool { return k.Fingerprint() == own }) {
		return usagef("--seal %s: the policy demands a seal by another key, so verify would refuse this bundle",
			e.sealing.key)
	}
	return nil
}

// gate judges the plan with the code of verify, and refuses a bundle that would not
// verify.
func (e *exportRun) gate(plan *bundle.Plan, o verify.Options, std stdio) error {
	o.Path = "export to " + e.output
	if err := lockPlan(e.lockOut, plan.Inventory, &o); err != nil {
		return err
	}
	rep, err := verify.Plan(plan, o)
	if err == nil {
		return nil
	}
	if e.allowUnverified {
		fmt.Fprintf(std.err, "WARNING writing a bundle that does not verify (--allow-unverified): %s\n",
			term.EscapeLines(err.Error()))
		return nil
	}
	if err := report.Text(std.err, rep); err != nil {
		return err
	}
	fmt.Fprintln(std.err, "Nothing was written: export does not write a bundle that would not verify.")
	return reported{err}
}

func (e *exportRun) write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, std stdio) error {
	bar := term.New(std.err, "exporting", e.cut.work(plan))
	e.speaker.to(bar.Above(std.err))
	err := e.writeTo(ctx, plan, fetch, bar.Add, std.out)
	e.speaker.to(std.err)
	bar.Done(err == nil)
	switch {
	case err == nil:
		return nil
	case e.output == "-":
		return fmt.Errorf("%w\nWhat was written has no end and is not a bundle: discard it.%s",
			adviseSource(err), again(err, "export"))
	}
	return fmt.Errorf("%w\nThis run wrote nothing under %s.%s", adviseSource(err), e.output, again(err, "export"))
}

func (e *exportRun) writeTo(
	ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, progress func(int64), out io.Writer,
) error {
	if e.output == "-" {
		return plan.WriteStream(ctx, out, fetch, progress)
	}
	if e.cut.wanted() {
		t := volume.Target{Base: volume.Base(e.output), Each: e.cut.each, Workers: e.jobs, Progress: progress}
		return e.cut.write(ctx, plan, fetch, t)
	}
	return writeFile(e.output, func(f *atomicfile.File) error {
		return plan.WriteFile(ctx, f, fetch, e.jobs, progress)
	})
}

// outputs returns the files that export may write over.
func (e *exportRun) outputs() []string {
	list := []string{e.output}
	if e.output != "-" && e.cut.wanted() {
		list = append(list, filesOf(volume.Base(e.output))...)
	}
	return list
}

// allInputs returns the files that export reads.
func (e *exportRun) allInputs() []string {
	return slices.Concat(e.judging.inputs(), e.connection.inputs(), []string{e.sealing.key})
}

// checkOutput refuses, before a registry is asked, an output that cannot be
// written, one that would destroy something else, and files beside the bundle that
// would be read with it or in its place.
func (e *exportRun) checkOutput() error {
	if err := checkLockOut(e.lockOut, e.outputs(), e.allInputs()); err != nil {
		return err
	}
	if e.output == "-" {
		return nil
	}
	if _, n := volume.Number(e.output); n > 0 || volume.IsIndex(e.output) || volume.IsRecovery(e.output) {
		return usagef("-o %s: that is the name of a volume or of an index, and verify would take the file for one; "+
			"name another, such as app.tar", e.output)
	}
	inputs := e.allInputs()
	for _, out := range e.outputs() {
		if err := keepApart(out, inputs); err != nil {
			return err
		}
	}
	first, beside := e.cut.names(volume.Base(e.output))
	if err := usageIfStale(volume.CheckStale(beside...)); err != nil {
		return err
	}
	if err := replaceable(first); err != nil {
		return err
	}
	f, err := atomicfile.Create(first)
	if err != nil {
		return err
	}
	return f.Abort()
}

// reportWritten lists the files that were written.
func (e *exportRun) reportWritten(w io.Writer, plan *bundle.Plan) {
	name := term.Escape(e.output)
	base := volume.Base(name)
	if e.output == "-" {
		name = "standard output"
	}
	volumes, err := volume.Split(plan.Size, e.cut.each)
	cut := e.cut.each > 0 && err == nil
	if cut {
		name = fmt.Sprintf("%s, %s to %s",
			term.Count(len(volumes), "volume", "volumes"), base.Volume(1), base.Volume(len(volumes)))
	}
	fmt.Fprintf(w, "wrote %s: %s, %s\nidentity %s\n",
		name, term.Count(len(plan.Inventory.Images), "image", "images"), term.Bytes(plan.Size), plan.Identity())
	if cut {
		fmt.Fprintf(w, "index of volumes %s\n", base.Index())
	}
	if _, sizes, err := recovery.Plan(plan.Size, e.cut.percent, e.cut.each); e.cut.percent > 0 && err == nil {
		fmt.Fprintf(w, "%s, %s to %s, index %s\n", term.Count(len(sizes), "recovery volume", "recovery volumes"),
			base.Recovery(1), base.Recovery(len(sizes)), base.RecoveryIndex())
	}
	e.reportSeal(w)
}
