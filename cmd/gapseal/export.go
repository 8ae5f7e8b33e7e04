package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify"
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

func (e *exportRun) run(ctx context.Context, args []string, std stdio) error {
	if err := e.checkUsage(args, std); err != nil {
		return err
	}
	o, err := e.options(func(arg string, o *verify.Options) error { return carryKey(ctx, arg, o) })
	if err != nil {
		return err
	}
	if err := e.apart(e.outputs(), &o); err != nil {
		return err
	}
	e.tell(std.err)
	if err := e.load(ctx, std); err != nil {
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
		return fmt.Errorf("%w\nNothing was written.", err)
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
	e.tellWritten(std.err, plan)
	return nil
}

func (e *exportRun) checkUsage(args []string, std stdio) error {
	switch {
	case len(args) == 0:
		return usagef("export takes at least one image; gapseal export --help shows how")
	case e.output == "":
		return usagef("say where to write the bundle: -o FILE, or -o - for a pipe")
	case len(e.keys) == 0 && !e.given() && e.policy == "":
		return usagef("pass the publisher's public key: --key FILE or --key https://…; or who signs keyless: --certificate-identity")
	case e.jobs < 1 || e.jobs > 64:
		return usagef("--jobs %d: want a number from 1 to 64", e.jobs)
	case e.output == "-" && isTerminal(std.out.file):
		return usagef("the bundle would go to the terminal; redirect standard output, or name a file")
	}
	if err := e.cut.parse(e.output); err != nil {
		return err
	}
	if err := e.check(e.allowUnverified); err != nil {
		return err
	}
	return e.checkOutput()
}
