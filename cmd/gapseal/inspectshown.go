package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/report"
)

// measure counts as verify does: the file with all that is in it, the bundle's
// own blobs too. A pipe does not tell its size before its end.
func (in *inspection) measure(r *bundle.Reader, size int64) {
	blobs := len(r.Inventory.Blobs) + bundle.InventoryBlobs
	if r.Sealed {
		blobs += bundle.SealBlobs
	}
	in.content = counted(blobs, "blob", "blobs")
	if size > 0 {
		in.content += ", " + report.Bytes(size) + " in all"
	}
	g := r.Walk(oci.DefaultLimits())
	for i := range g.Images {
		in.sizes = append(in.sizes, imageSize(g, &g.Images[i]))
	}
}

// imageSize adds up what running the image takes, each blob once.
func imageSize(g *bundle.Graph, img *bundle.ImageGraph) string {
	var bytes int64
	layers, met := 0, map[oci.Digest]bool{}
	add := func(d oci.Digest, size int64) bool {
		again := met[d]
		if !again {
			met[d], bytes = true, bytes+size
		}
		return !again
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
	return report.Bytes(bytes) + ", " + counted(layers, "layer", "layers")
}

func (in *inspection) text(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "UNVERIFIED: this is what %s says of itself.\nOnly gapseal verify proves it.\n\n", report.Terminal(in.Path))
	for _, f := range in.Faults {
		b.WriteString(report.Fold("FAULT "+report.Terminal(f), report.LabelWidth))
	}
	if in.Inventory != nil {
		in.inventory(b)
	}
	if in.Sealed {
		report.Row(b, "seal", "there is one; verify --seal-key proves whose")
	}
	report.Row(b, "identity", string(in.Identity))
	return b.Flush()
}

func (in *inspection) inventory(w io.Writer) {
	inv := in.Inventory
	for i, img := range inv.Images {
		writeImage(w, img, in.sizes[i])
	}
	for _, k := range inv.Keys {
		report.Row(w, "key", k.Fingerprint, "(from the bundle, untrusted)")
	}
	for _, waiver := range inv.Waivers {
		report.Row(w, "waiver", waiver+", used at export")
	}
	report.Row(w, "content", in.content)
	report.Row(w, "made by", inv.Tool.Name+" "+inv.Tool.Version)
}

func writeImage(w io.Writer, img bundle.Image, size string) {
	report.Row(w, "image", string(img.Digest), img.Reference)
	report.Row(w, "platform", strings.Join(img.Platforms, ", "))
	report.Row(w, "size", size)
	for _, o := range img.Omitted {
		report.Row(w, "left out", o.Platform, string(o.Digest))
	}
	for _, ev := range img.Evidence {
		report.Row(w, "evidence", string(ev.Digest), string(ev.Kind)+" for", string(ev.Subject))
	}
	fmt.Fprintln(w)
}
