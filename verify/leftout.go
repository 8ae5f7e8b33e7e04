package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify/check"
)

// leftOut lists what export left out of an image, and judges the layers among it:
// each must be recorded for this image.
func (s *session) leftOut(i int, g *bundle.ImageGraph) {
	img := &s.rep.Images[i]
	recorded := map[string]bool{}
	for _, l := range g.LeftOut {
		img.LeftOut = append(img.LeftOut, LeftOut{
			Subject: string(l.Subject), Tag: Text(l.Tag), Digest: Text(l.Digest), Type: Text(l.Type),
			Reason: string(l.Reason), Text: l.Reason.Text(),
		})
		if l.Reason == bundle.ReasonForeignLayer {
			recorded[string(l.Digest)] = true
		}
	}
	for _, d := range g.Foreign {
		f := check.Fault{ID: check.ManifestForeign, Subject: string(d.Digest), Warn: recorded[string(d.Digest)],
			Detail: "a layer that its publisher keeps elsewhere was left out; the image runs only where the layer is",
			Found:  check.Clip(strings.Join(d.URLs, ", "))}
		if !f.Warn {
			f.Detail = "a layer that its publisher keeps elsewhere is missing, and export did not leave it out on purpose"
		}
		s.fault(i, f)
	}
}

// leftOutInAll warns once of the evidence that export left out.
func (s *session) leftOutInAll() {
	n := 0
	count := map[bundle.Reason]int{}
	for _, g := range s.graph.Images {
		for _, l := range g.LeftOut {
			if l.Reason != bundle.ReasonForeignLayer {
				count[l.Reason]++
				n++
			}
		}
	}
	if n == 0 {
		return
	}
	s.fault(bundleWide, check.Fault{ID: check.PolicyLeftOut, Warn: true,
		Detail: fmt.Sprintf("export left evidence out: %s", reasonsOf(count)), Found: fmt.Sprint(n)})
}

func reasonsOf(count map[bundle.Reason]int) string {
	var list []string
	for _, r := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%d because %s", count[r], r.Text()))
	}
	return strings.Join(list, ", ")
}

// missed says, for a demand on an image that failed, what was left out that might
// have met it; it is empty if nothing was.
func (s *session) missed(g *bundle.ImageGraph) string {
	var list []string
	for _, l := range g.LeftOut {
		if l.Reason == bundle.ReasonForeignLayer {
			continue
		}
		list = append(list, fmt.Sprintf("%s was left out: %s", cmp.Or(l.Name(), string(l.Subject)), l.Reason.Text()))
	}
	if len(list) == 0 {
		return ""
	}
	const most = 3
	if n := len(list) - most; n > 0 {
		list = append(list[:most], fmt.Sprintf("and %d more", n))
	}
	return "; " + strings.Join(list, "; ")
}
