package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/report"
)

func inspectCommand(std stdio) *cobra.Command {
	var (
		format  textOrJSON
		volumes []string
	)
	c := &cobra.Command{
		Use:   "inspect FILE [flags]",
		Short: "show what a bundle claims to hold, without verifying it",
		Long: `Show the images, platforms, sizes, evidence and keys that a bundle lists. Only
its metadata is read, and nothing is verified: the author of the file decides
what is shown here.`,
		Example: `
gapseal inspect app.tar
gapseal inspect app.volumes.json --volumes /media/dvd2
gapseal inspect app.tar --output json`,
		Args:              takes(1, "one bundle"),
		ValidArgsFunction: completeFile,
		RunE: runs(std, func(_ context.Context, args []string, std stdio) error {
			return inspect(args[0], format, volumes, std)
		}),
	}
	format.declare(c)
	c.Flags().StringArrayVar(&volumes, "volumes", nil, volumesUsage)
	return c
}

// inspection is the JSON form of inspect.
type inspection struct {
	Schema    string            `json:"schema"`
	Verified  bool              `json:"verified"` // always false: inspect verifies nothing
	Path      string            `json:"path"`
	Identity  verify.Text       `json:"identity"`
	Sealed    bool              `json:"sealed"` // index.json lists a seal, which anyone may have made
	Inventory *bundle.Inventory `json:"inventory"`
	Faults    []string          `json:"faults"`

	// PredicateTypes are those of the attestations that were read, by the digest of
	// their manifest.
	PredicateTypes map[oci.Digest][]string `json:"predicateTypes"`

	content   string     // blobs and bytes of the file, for people
	sizes     []string   // of each image, for people
	platforms [][]string // of each image, with the version of the system
}

func inspect(path string, format textOrJSON, volumes []string, std stdio) error {
	asJSON, err := format.json()
	if err != nil {
		return err
	}
	src, err := openBundle(path, std, volumes...)
	if err != nil {
		return err
	}
	defer src.Close()
	r, err := src.open(oci.Limits{})
	if err != nil {
		return err
	}
	in := inspection{
		Schema: "gapseal.inspect/v1", Path: path, Identity: verify.Text(r.Identity()),
		Sealed: r.Sealed, Inventory: r.Inventory, Faults: []string{},
	}
	if r.Inventory != nil {
		in.measure(r, src.size)
	}
	for _, f := range r.Faults() {
		in.Faults = append(in.Faults, f.Error())
	}
	if asJSON {
		err = report.Encode(std.out, in)
	} else {
		err = in.text(std.out)
	}
	if err == nil && r.Inventory == nil {
		return reported{&check.Fault{ID: check.LayoutInventory, Detail: "there is no readable inventory"}}
	}
	return err
}

// measure counts as verify does: all blobs, the bundle's own included. The size of
// a pipe is not known before its end.
func (in *inspection) measure(r *bundle.Reader, size int64) {
	blobs := len(r.Inventory.Blobs) + r.OwnBlobs()
	in.content = term.Count(blobs, "blob", "blobs")
	if size > 0 {
		in.content += ", " + term.Bytes(size) + " in all"
	}
	g := r.Walk()
	in.PredicateTypes = claimedTypes(r, g)
	for i := range g.Images {
		in.sizes = append(in.sizes, imageSize(g, &g.Images[i]))
		var platforms []string
		for _, p := range g.Images[i].Runnable {
			platforms = append(platforms, p.Full())
		}
		in.platforms = append(in.platforms, platforms)
	}
}

// maxClaims is how many bytes of attestations inspect reads to show their types. It
// is far more than honest bundles have.
const maxClaims = 64 << 20

// claimedTypes returns the predicate types of the attestations of a bundle, by the
// digest of their manifest. Anyone may have made them.
func claimedTypes(r *bundle.Reader, g *bundle.Graph) map[oci.Digest][]string {
	types, budget := map[oci.Digest][]string{}, int64(maxClaims)
	for i := range g.Images {
		for _, ev := range g.Images[i].Evidence {
			m := g.Manifests[ev.Digest]
			if m == nil || types[ev.Digest] != nil || ev.Kind == oci.KindSignature {
				continue
			}
			for _, l := range m.Layers {
				budget -= l.Size
			}
			if budget < 0 {
				return types
			}
			types[ev.Digest] = predicateTypes(r, ev)
		}
	}
	return types
}

func predicateTypes(r *bundle.Reader, ev bundle.Evidence) []string {
	list := []string{}
	for _, e := range evidence.Read(ev.Kind, ev.Digest, ev.Subject, func(d oci.Digest) []byte { return r.Meta[d] }) {
		if e.Statement != nil && !slices.Contains(list, e.Statement.PredicateType) {
			list = append(list, e.Statement.PredicateType)
		}
	}
	return list
}

// imageSize adds up the blobs that running an image takes, each once.
func imageSize(g *bundle.Graph, img *bundle.ImageGraph) string {
	var bytes int64
	layers := 0
	seen := map[oci.Digest]bool{}
	add := func(d oci.Digest, size int64) (added bool) {
		if seen[d] {
			return false
		}
		seen[d] = true
		bytes += size
		return true
	}
	for _, n := range img.Tree {
		m := g.Manifests[n.Digest]
		if m == nil || !add(n.Digest, n.Size) || oci.IsIndex(n.MediaType) {
			continue
		}
		add(m.Config.Digest, m.Config.Size)
		for _, l := range m.Layers {
			if add(l.Digest, l.Size) {
				layers++
			}
		}
	}
	return term.Bytes(bytes) + ", " + term.Count(layers, "layer", "layers")
}

func (in *inspection) text(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "UNVERIFIED: this is what %s says of itself.\nOnly gapseal verify proves it.\n\n",
		term.Escape(in.Path))
	for _, f := range in.Faults {
		b.WriteString(term.Fold("FAULT "+term.Escape(f), term.LabelWidth))
	}
	if in.Inventory != nil {
		in.inventory(b)
	}
	if in.Sealed {
		term.Row(b, "seal", "there is one; verify --seal-key proves whose")
	}
	term.Row(b, "identity", string(in.Identity))
	return b.Flush()
}

func (in *inspection) inventory(w io.Writer) {
	inv := in.Inventory
	for i, img := range inv.Images {
		in.image(w, img, in.platforms[i], in.sizes[i])
	}
	for _, k := range inv.Keys {
		term.Row(w, "key", k.Fingerprint, "(from the bundle, untrusted)")
	}
	for _, waiver := range inv.Waivers {
		term.Row(w, "waiver", waiver+", used at export")
	}
	term.Row(w, "content", in.content)
	term.Row(w, "made by", inv.Tool.Name+" "+inv.Tool.Version)
}

func (in *inspection) image(w io.Writer, img bundle.Image, platforms []string, size string) {
	term.Row(w, "image", string(img.Digest), img.Reference)
	term.Row(w, "platform", strings.Join(platforms, ", "))
	term.Row(w, "size", size)
	for _, o := range img.Omitted {
		term.Row(w, "left out", o.Platform, string(o.Digest))
	}
	for _, ev := range img.Evidence {
		term.Row(w, "evidence", string(ev.Digest), string(ev.Kind)+" for", string(ev.Subject))
		term.Row(w, "type", in.PredicateTypes[ev.Digest]...)
	}
	writeLeftOut(w, img, len(img.LeftOut))
	fmt.Fprintln(w)
}
