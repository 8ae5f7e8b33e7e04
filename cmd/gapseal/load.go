package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/load"
	"github.com/gapseal/gapseal/verify/report"
)

type loadRun struct {
	verifyRun
	naming
	connect   connection
	overwrite bool
	dryRun    bool
	jobs      int
	own       []oci.Reference // the names by which the operator asked for images
}

func loadCommand(std stdio) *cobra.Command {
	l := &loadRun{}
	c := &cobra.Command{
		Use:   "load FILE DEST --key KEY [flags]",
		Short: "verify a bundle, and load its images into a registry or a runtime",
		Long: `Verify a bundle exactly as gapseal verify does, and load its images with their
evidence into a registry. Layers are sent while they are hashed, manifests and
tags after the verdict, so what arrives are the very bytes that were verified.
Then everything is read back. Loading again sends only what is missing.

DEST is a registry, with a path if all images go below one. It may also be a
runtime (containerd[:NAMESPACE], k3s, docker, podman, kind:CLUSTER), a folder
(oci:DIR) or a file (oci-archive:FILE, docker-archive:FILE). For these, the
bundle is read again after the verdict. Only oci:DIR also gets the evidence.`,
		Example: `
gapseal load app.tar registry.plant:5000 --key cosign.pub
gapseal load app.tar registry.plant/mirror --key cosign.pub --dry-run
gapseal load app.tar containerd:k8s.io --key cosign.pub
gapseal load app.volumes.json registry.plant --policy imports.yaml \
    --register /srv/register

gapseal load app.tar registry.plant --key cosign.pub \
    --map ghcr.io/acme=acme --map docker.io=hub
gapseal load app.tar registry.plant --key cosign.pub --keep-registry
gapseal load app.tar registry.plant --key cosign.pub \
    --image ghcr.io/acme/app:v1 --tag-as stable
gapseal load app.tar registry.plant --key cosign.pub \
    --registry-cacert plant-ca.pem --receipt app.receipt --sign-report op.key
ssh transfer cat app.tar | gapseal load - registry.plant --key cosign.pub`,
		Annotations: map[string]string{
			commonFlags: "key policy image map keep-registry dry-run overwrite-tags registry-cacert report " +
				"register",
			flagHeadings: `
Where images go: map keep-registry flatten tag-as overwrite-tags dry-run
How the registry is reached: allow-*-registry registry-* jobs
Who is trusted: ` + trustFlags + `
What is demanded: ` + demandFlags + ` lock seal-stream platform deep
Waivers, each of which shows in every report: ` + waiverFlags + `
Reading the bundle: volumes limit
Reports: output output-file report file-digest attestation-out
Records: register transfer ask sign-report receipt`,
		},
		Args:              takes(2, "one bundle and its destination"),
		ValidArgsFunction: completeBundleAndDestination,
		RunE:              runs(std, l.run),
	}
	l.declareLoadFlags(c)
	return c
}

// declareLoadFlags declares the flags of verify, two of which mean more here, and those of
// load.
func (l *loadRun) declareLoadFlags(c *cobra.Command) {
	l.declareFlags(c)
	fs := c.Flags()
	fs.Lookup("image").Usage = "load only `REF[@DIGEST]`, which the bundle must hold; a digest binds the reference " +
		"(repeatable); the other images are verified, too"
	fs.Lookup("platform").Usage = "load only `OS/ARCH[/VARIANT]` into a runtime or an archive (default: the " +
		"runtime's; all for oci-archive); for a registry: demand that it is in the bundle (repeatable)"
	l.naming.declare(fs)
	fs.BoolVar(&l.overwrite, "overwrite-tags", false, "move tags that name something else at the "+
		"destination; signatures under such a tag are lost")
	fs.BoolVar(&l.dryRun, "dry-run", false, "only show where each image would go and what is there; send nothing")
	l.connect.declare(fs)
	fs.IntVar(&l.jobs, "jobs", 4, "send `N` blobs at a time")
}

func (l *loadRun) run(ctx context.Context, args []string, std stdio) error {
	if err := l.checkUsage(); err != nil {
		return err
	}
	l.connect.speaker.to(std.err)
	l.speaker = &l.connect.speaker
	l.alsoReads = append(l.connect.inputs(), l.naming.inputs()...)
	to, err := l.route(ctx, args[1], &std)
	if err != nil {
		return err
	}
	if l.dryRun {
		return l.preview(ctx, args[0], to, std)
	}
	l.doing = "loading"
	l.bring = func(ctx context.Context, r *bundle.Reader, v verify.Options) (*verify.Report, error) {
		l.own = v.Named()
		rep, err := to.load(ctx, r, v)
		if rep == nil {
			return nil, noReport(err)
		}
		return rep, interruptedLoad(err)
	}
	err = l.verdict(ctx, args[:1], std)
	nameFailed(std.err, err)
	return err
}

// nameFailed names the images that were not loaded, one a line. In a long report they stand
// among the others.
func nameFailed(w io.Writer, err error) {
	failed := (*load.Error)(nil)
	if !errors.As(err, &failed) {
		return
	}
	for _, img := range failed.Loaded.Images {
		if img.Error != "" {
			term.Say(w, "not loaded: %s; the report says why", term.Escape(img.Reference))
		}
	}
}

func (l *loadRun) checkUsage() error {
	if l.jobs < 1 || l.jobs > 64 {
		return usagef("--jobs %d: want a number from 1 to 64", l.jobs)
	}
	if l.tagAs != "" && len(l.images) != 1 {
		return usagef("--tag-as is for one image: name it with --image")
	}
	return l.connect.check()
}

// route loads into a destination, or shows what would be loaded there.
type route struct {
	load    delivery
	preview func(context.Context, *bundle.Reader, verify.Options) (*verify.Loaded, error)
	unasked string // what preview does not show, beside the verdict
}

// route returns the route to the destination that an argument names. If images go to
// standard output, it sends everything else to standard error.
func (l *loadRun) route(ctx context.Context, arg string, std *stdio) (to route, err error) {
	o := load.Options{OverwriteTags: l.overwrite, Jobs: l.jobs, Advise: adviseLoad, Begin: l.recordBegun}
	if o.Names, err = l.names(); err != nil {
		return to, err
	}
	d, local, err := parseLocal(arg)
	switch {
	case err != nil:
		return to, err
	case local:
		return l.toImporter(ctx, d, o, std)
	case isURL(arg):
		return to, usagef("%s: a destination is not a URL: write registry.example:5000/path", hideUser(arg))
	}
	return l.toRegistry(arg, o)
}

func (l *loadRun) toRegistry(arg string, o load.Options) (to route, err error) {
	if err := checkPlace(arg); err != nil {
		return to, err
	}
	place, err := load.ParseHost(arg)
	if err != nil {
		return to, usagef("%v; or one of %s", err, localDestinations)
	}
	o.Names.Host, o.Names.Prefix = place.Host, place.Prefix
	o.Warn, o.Settle = l.connect.speaker.note, 500*time.Millisecond
	to.unasked = "; whether you may push was not asked"
	dst, err := l.connect.target(l.limits.budget.WithDefaults())
	if err != nil {
		return to, err
	}
	to.load = func(ctx context.Context, r *bundle.Reader, v verify.Options) (*verify.Report, error) {
		r.Workers = l.jobs
		o.Only = v.Images
		return load.Bundle(ctx, r, v, dst, o)
	}
	to.preview = func(ctx context.Context, r *bundle.Reader, v verify.Options) (*verify.Loaded, error) {
		o.Only = v.Images
		return load.Preview(ctx, r, v, dst, o)
	}
	return to, nil
}

// toImporter returns the route to a runtime, a folder or an archive.
func (l *loadRun) toImporter(ctx context.Context, d destination, o load.Options, std *stdio) (to route, err error) {
	for _, name := range []string{"keep-registry", "flatten", "jobs"} {
		if l.flags.Changed(name) {
			return to, usagef("--%s is for registries, and %s is none: leave it out", name, d)
		}
	}
	platform, err := l.onePlatform()
	if err != nil {
		return to, err
	}
	im, err := d.open(ctx, platform, *std)
	if err != nil {
		return to, err
	}
	if d.toStdout() {
		std.out = &stdout{file: std.err}
	}
	l.alsoWrites, l.readsTwice = d.file(), true
	to.load = func(ctx context.Context, r *bundle.Reader, v verify.Options) (*verify.Report, error) {
		o.Only, v.Platforms = v.Images, nil // here --platform selects, and demands nothing
		return load.Import(ctx, r, v, im, o, v.Progress)
	}
	to.preview = func(ctx context.Context, r *bundle.Reader, v verify.Options) (*verify.Loaded, error) {
		o.Only, v.Platforms = v.Images, nil
		return load.PreviewImport(ctx, r, v, im, o)
	}
	return to, nil
}

// onePlatform returns the platform of --platform, nil if the flag is not given.
func (l *loadRun) onePlatform() (*oci.Platform, error) {
	switch len(l.platforms) {
	case 0:
		return nil, nil
	case 1:
		p, err := oci.ParsePlatform(l.platforms[0])
		if err != nil {
			return nil, usagef("--platform: %v", err)
		}
		return &p, nil
	}
	return nil, usagef("--platform: only one platform can be loaded into a runtime or an archive")
}

// noReport explains an error after which there is no report.
func noReport(err error) error {
	unused := (*load.UnusedMappingError)(nil)
	switch {
	case errors.As(err, new(*load.CollisionError)):
		return usagef("%v\nNothing was sent. Tell them apart with --map or --keep-registry, or load one of them with "+
			"--image.", err)
	case errors.As(err, &unused):
		return usagef("--map %s=…: no image of the bundle is below %[1]s; gapseal inspect lists their names\n"+
			"Nothing was sent.", unused.From)
	}
	return fmt.Errorf("%w\nThere is no report. No tag is set before a bundle is verified.%s",
		adviseSource(err), again(err, "load"))
}

// preview shows where images would go.
func (l *loadRun) preview(ctx context.Context, path string, to route, std stdio) error {
	for _, name := range []string{"output", "output-file", "report", "register", "receipt", "sign-report",
		"attestation-out", "transfer", "ask", "file-digest"} {
		if l.flags.Changed(name) {
			return usagef("--dry-run reads no content, so there is no verdict to report: leave out --%s", name)
		}
	}
	if err := l.checkOutputs(path); err != nil {
		return err
	}
	v, err := l.prepare(path, std)
	if err != nil {
		return err
	}
	l.writeNotes(std.err)
	l.readsTwice = false
	src, err := l.openSource(ctx, path, std)
	if err != nil {
		return err
	}
	defer src.Close()
	r, err := src.open(l.limits.budget)
	if err != nil {
		return err
	}
	loaded, err := to.preview(ctx, r, v)
	if bad := (*verify.Error)(nil); errors.As(err, &bad) {
		if err := report.Text(std.err, bad.Report); err != nil {
			return err
		}
		return reported{err}
	}
	if err != nil {
		return noReport(err)
	}
	if err := writePreview(std.out, loaded); err != nil {
		return err
	}
	term.Say(std.err, "nothing was sent, and the content was not read: this is no verdict on the bundle%s", to.unasked)
	if !loaded.Complete {
		return reported{&load.Error{Loaded: loaded}}
	}
	return nil
}

// writePreview writes the table of --dry-run.
func writePreview(w io.Writer, l *verify.Loaded) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FROM\tTO\tTHERE\tLAYERS")
	for i := range l.Images {
		img := &l.Images[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", term.Escape(img.Reference), term.Escape(report.Place(img)), there(img),
			wouldSend(img.Blobs))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, img := range l.Images {
		for _, n := range img.Notes {
			if _, err := fmt.Fprintf(w, "\n%s: %s\n", term.Escape(img.Reference), term.Escape(n)); err != nil {
				return err
			}
		}
		if img.Error != "" {
			why := strings.ReplaceAll(term.EscapeLines(string(img.Error)), "\n", "\n  ")
			_, err := fmt.Fprintf(w, "\n%s would not be loaded:\n  %s\n", term.Escape(img.Reference), why)
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// there says what the name of an image stands for at the destination.
func there(img *verify.LoadedImage) string {
	if digest, other := strings.CutPrefix(img.Before, "other "); other {
		return "other " + term.Short(digest)
	}
	return img.Before
}

// wouldSend says how many layers would be sent, and how many would not.
func wouldSend(b verify.BlobCounts) string {
	s := fmt.Sprintf("%d to send (%s)", b.Sent, term.Bytes(b.Bytes))
	if b.Mounted > 0 {
		s += fmt.Sprintf(", %d to mount", b.Mounted)
	}
	if b.Present > 0 {
		s += fmt.Sprintf(", %d there", b.Present)
	}
	return s
}
