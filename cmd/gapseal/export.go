package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/internal/progress"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/registry"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

type exportRun struct {
	judging
	sealing
	cut                      cutting
	output                   string
	allowUnverified          bool
	allowHTTP, allowInsecure bool
	caCert, signatures       string
	jobs                     int
}

func exportCommand() *command {
	return &command{
		name: "export", args: "IMAGE… --key KEY -o FILE [flags]", short: "put images with all their evidence into one bundle",
		long: `Pull images, their signatures, log entries, attestations and referrers from a
registry, and write them with the public key into one bundle.

Export judges the signatures by the same code as verify, before it fetches a
layer, and writes nothing that would not verify. The same digests always make
the same file. Credentials come from the Docker configuration.`,
		examples: `
gapseal export ghcr.io/acme/app:v1 --key cosign.pub -o app.tar
gapseal export ghcr.io/acme/app:v1 ghcr.io/acme/db:v7 --key acme.pub -o all.tar
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
		setup: func(fs *pflag.FlagSet) func(context.Context, []string, stdio) error {
			e := &exportRun{}
			fs.StringVarP(&e.output, "output", "o", "", "write the bundle to `FILE`, or - for a pipe")
			e.judging.declare(fs, "public key to judge with and to carry: a PEM `FILE` or https URL (repeatable; any of them will do)",
				"carry only `OS/ARCH[/VARIANT]` of a multi-platform image (repeatable)")
			fs.BoolVar(&e.allowUnverified, "allow-unverified", false, "waiver: write the bundle although it does not verify; recorded in it")
			fs.BoolVar(&e.allowHTTP, "allow-http-registry", false, "allow registries without TLS")
			fs.BoolVar(&e.allowInsecure, "allow-insecure-registry", false, "allow registries with a TLS certificate that does not verify")
			fs.StringVar(&e.caCert, "registry-cacert", "", "also trust the CA certificates in this PEM `FILE` for registries")
			fs.StringVar(&e.signatures, "signature-repository", os.Getenv("COSIGN_REPOSITORY"), "also look for signatures in this `REPO` (environment: COSIGN_REPOSITORY)")
			fs.IntVar(&e.jobs, "jobs", 4, "fetch `N` layers at a time")
			e.sealing.declare(fs)
			e.cut.declare(fs)
			return e.run
		},
	}
}

func (e *exportRun) run(ctx context.Context, args []string, io stdio) error {
	if err := e.checkUsage(args, io); err != nil {
		return err
	}
	o, err := e.options(func(arg string, o *verify.Options) error { return carryKey(ctx, arg, o) })
	if err != nil {
		return err
	}
	e.tell(io.err)
	if err := e.load(ctx, io); err != nil {
		return err
	}
	if err := e.leaveToVerify(&o); err != nil {
		return err
	}
	src, req, err := e.request(args, &o, io)
	if err != nil {
		return err
	}
	plan, fetch, err := bundle.Collect(ctx, src, req)
	if err != nil {
		return fmt.Errorf("%w\nNothing was written.", err)
	}
	if err := e.seal(plan, &o); err != nil {
		return err
	}
	if err := e.gate(plan, o, io); err != nil {
		return err
	}
	if err := e.write(ctx, plan, fetch, io); err != nil {
		return err
	}
	name := e.output
	if name == "-" {
		name = "standard output"
	}
	fmt.Fprintf(io.err, "wrote %s: %s, %s\nidentity %s\n", name, counted(len(plan.Inventory.Images), "image", "images"), report.Bytes(plan.Size), plan.Identity())
	e.cut.wrote(io.err, e.output, plan.Size)
	e.tellSeal(io.err)
	return nil
}

func (e *exportRun) checkUsage(args []string, io stdio) error {
	switch {
	case len(args) == 0:
		return usagef("export takes at least one image; gapseal export --help shows how")
	case e.output == "":
		return usagef("say where to write the bundle: -o FILE, or -o - for a pipe")
	case len(e.keys) == 0 && !e.given() && e.policy == "":
		return usagef("pass the publisher's public key: --key FILE or --key https://…; or who signs keyless: --certificate-identity")
	case e.jobs < 1 || e.jobs > 64:
		return usagef("--jobs %d: want a number from 1 to 64", e.jobs)
	case e.output == "-" && isTerminal(io.out.file):
		return usagef("the bundle would go to the terminal; redirect standard output, or name a file")
	}
	if err := e.cut.parse(e.output); err != nil {
		return err
	}
	if err := e.check(e.allowUnverified); err != nil {
		return err
	}
	return keepApart(e.output, append(e.inputs(), e.caCert, e.sealing.key))
}

// carriedKeys are the keys that may vouch for some image, each once.
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

// leaveToVerify drops the demands of a policy that only the far side can meet:
// the record comes with the media, the register lies there. A seal that the
// policy demands must be made here.
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
		return usagef("the policy demands a seal, so verify would refuse this bundle: pass the key with --seal and --seal-stream")
	}
	own := e.signer.Public().Fingerprint()
	if !slices.ContainsFunc(demanded, func(k *trust.Key) bool { return k.Fingerprint() == own }) {
		return usagef("--seal %s: the policy demands a seal by another key, so verify would refuse this bundle", e.sealing.key)
	}
	return nil
}

// carryKey takes --key of export, the connected side: the key itself is needed.
func carryKey(ctx context.Context, arg string, o *verify.Options) error {
	switch {
	case strings.HasPrefix(arg, "sha256:"):
		return usagef("--key %s: export carries the key itself, so it needs a PEM file or an https URL", arg)
	case !isURL(arg):
		return addKey(arg, o)
	}
	raw, err := registry.Fetch(ctx, arg)
	if err != nil {
		return err
	}
	key, err := parseKey("--key", hideUser(arg), raw)
	if err == nil {
		o.Keys = append(o.Keys, key)
	}
	return err
}

// hideUser removes credentials from a URL that will be shown.
func hideUser(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(unreadable URL)"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}

func (e *exportRun) request(args []string, o *verify.Options, io stdio) (*registry.Source, bundle.Request, error) {
	req := bundle.Request{Platforms: o.Platforms, Limits: o.Limits, Tool: bundle.Tool{Name: "gapseal", Version: version()}}
	for _, a := range args {
		ref, err := oci.ParseReference(a)
		if err != nil {
			return nil, req, usagef("%v", err)
		}
		req.Images = append(req.Images, ref)
	}
	for _, k := range carriedKeys(o) {
		req.Keys = append(req.Keys, bundle.PublicKey{Fingerprint: k.Fingerprint(), PEM: []byte(k.PEM())})
	}
	if e.allowUnverified {
		req.Waivers = []string{bundle.WaiverAllowUnverified}
	}
	if e.signatures != "" {
		repo, err := oci.ParseRepository(e.signatures)
		if err != nil {
			return nil, req, usagef("--signature-repository: %v", err)
		}
		req.Evidence = repo
	}
	req.OnResolved = func(ref oci.Reference, d oci.Digest) { fmt.Fprintf(io.err, "%s\n  is %s\n", ref, d) }
	src, err := e.source(o.Limits)
	return src, req, err
}

func (e *exportRun) source(lim oci.Limits) (*registry.Source, error) {
	opts := registry.Options{AllowHTTP: e.allowHTTP, AllowInsecure: e.allowInsecure, MaxManifest: lim.Manifest, UserAgent: "gapseal/" + version()}
	if e.caCert != "" {
		raw, err := readAnchor(e.caCert)
		if err != nil {
			return nil, err
		}
		opts.CACert = raw
	}
	return registry.New(opts)
}

// gate judges the plan by verify's own code and refuses what would not verify.
func (e *exportRun) gate(plan *bundle.Plan, o verify.Options, io stdio) error {
	o.Path = "export to " + e.output
	rep, err := verify.Plan(plan, o)
	if err == nil {
		return nil
	}
	if e.allowUnverified {
		fmt.Fprintf(io.err, "WARNING writing a bundle that does not verify (--allow-unverified): %s\n", escapeLines(err.Error()))
		return nil
	}
	if err := report.Text(io.err, rep); err != nil {
		return err
	}
	fmt.Fprintln(io.err, "Nothing was written: export does not write a bundle that would not verify.")
	return told{err}
}

func (e *exportRun) write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, io stdio) error {
	bar := progress.New(io.err, "exporting", plan.ContentSize()+e.cut.work(plan.Size))
	err := e.writeTo(ctx, plan, fetch, bar.Add, io.out)
	bar.Done(err == nil)
	switch {
	case err == nil:
		return nil
	case e.output == "-":
		return fmt.Errorf("%w\nWhat was written has no end and is not a bundle: discard it and run the same export again.", err)
	}
	return fmt.Errorf("%w\nNothing was left under %s. Run the same export again.", err, e.output)
}

func (e *exportRun) writeTo(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, tell func(int64), out io.Writer) error {
	if e.output == "-" {
		return plan.WriteStream(ctx, out, fetch, tell)
	}
	if e.cut.wanted() {
		return e.cut.write(ctx, plan, fetch, volume.Base(e.output), e.jobs, tell)
	}
	return writeFile(e.output, func(f *atomicfile.File) error { return plan.WriteFile(ctx, f, fetch, e.jobs, tell) })
}
