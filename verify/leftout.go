package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// leftOut lists what export left out of an image, and judges the layers in that list.
func (s *session) leftOut(i int, g *bundle.ImageGraph) {
	img := &s.rep.Images[i]
	recorded := map[oci.Digest]int{}
	for _, l := range g.LeftOut {
		img.LeftOut = append(img.LeftOut, LeftOut{
			Subject: string(l.Subject), Tag: Text(l.Tag), Digest: Text(l.Digest), Type: Text(l.Type),
			Reason: string(l.Reason), Text: l.Reason.Text(),
		})
		if l.Reason == bundle.ReasonForeignLayer {
			recorded[l.Subject]++
		}
	}
	s.foreignLayers(i, g, recorded)
}

// foreignLayers warns of layers that their publisher does not pass on and that export
// left out. Each must be recorded for this image: recorded is how many are, by
// manifest.
func (s *session) foreignLayers(i int, g *bundle.ImageGraph, recorded map[oci.Digest]int) {
	gone, unrecorded := 0, 0
	for _, n := range g.Tree {
		layers := s.graph.ForeignLayers(n.Digest)
		gone += layers
		unrecorded += max(0, layers-recorded[n.Digest])
	}
	f := check.Fault{ID: check.ManifestForeign, Subject: string(g.Digest), Found: plural(gone, "layer", "layers")}
	switch {
	case unrecorded > 0:
		f.Detail = "layers that their publisher keeps elsewhere are missing, " +
			"and export did not leave them out on purpose"
		f.Found = plural(unrecorded, "layer", "layers")
		s.fault(i, f)
	case gone > 0:
		f.Detail = "export left out layers that their publisher keeps elsewhere; the image runs only where they are"
		f.Warn = true
		s.fault(i, f)
	}
}

// leftOutInAll warns once of the evidence that export left out of all images. Evidence
// that may not exist is only a note: some registries refuse to answer for anything that
// they do not hold, so that every image has such entries. A demand that left-out
// evidence might have met fails on its own, and says so.
func (s *session) leftOutInAll() {
	left, unknown := 0, 0
	count := map[bundle.Reason]int{}
	for _, g := range s.graph.Images {
		for _, l := range g.LeftOut {
			switch {
			case l.Reason == bundle.ReasonForeignLayer:
			case l.Exists():
				count[l.Reason]++
				left++
			default:
				unknown++
			}
		}
	}
	if left > 0 {
		s.fault(bundleWide, check.Fault{ID: check.PolicyLeftOut, Warn: true,
			Detail: "export left evidence out: " + reasonsOf(count),
			Found:  plural(left, "piece of evidence", "pieces of evidence")})
	}
	if unknown > 0 {
		s.add(bundleWide, check.Skip, check.Fault{ID: check.PolicyLeftOut,
			Detail: "the registry would not say whether there is more evidence",
			Found:  plural(unknown, "tag or list of referrers", "tags and lists of referrers")})
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func reasonsOf(count map[bundle.Reason]int) string {
	var list []string
	for _, r := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%d because %s", count[r], r.Text()))
	}
	return strings.Join(list, ", ")
}

// missed returns, for the message of a failed demand on an image, what was left out and
// might have met it; empty if nothing was left out.
func (s *session) missed(g *bundle.ImageGraph) string {
	const most = 3
	n := 0
	var b strings.Builder
	for _, l := range g.LeftOut {
		if l.Reason == bundle.ReasonForeignLayer {
			continue
		}
		if n++; n <= most {
			fmt.Fprintf(&b, "; %s was left out: %s", l.Name(), l.Reason.Text())
		}
	}
	if n > most {
		fmt.Fprintf(&b, "; and %d more", n-most)
	}
	return b.String()
}
