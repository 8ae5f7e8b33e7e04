package verify

import (
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// listEvidence names every piece of evidence, and warns of what no check of
// this version judges.
func (s *session) listEvidence(i int, g *bundle.ImageGraph) {
	for _, ev := range g.Evidence {
		judged := s.judged[ev.Digest]
		s.rep.Images[i].Evidence = append(s.rep.Images[i].Evidence, Evidence{Digest: string(ev.Digest), Kind: string(ev.Kind), Subject: string(ev.Subject), Judged: judged})
		if !judged && s.readable(ev) {
			s.rec.fault(i, &check.Fault{ID: check.PolicyNotJudged, Subject: string(ev.Digest), Detail: fmt.Sprintf("not judged: %s for %s; its digests were checked, and it proves nothing here", ev.Kind, ev.Subject), Warn: !s.demand[i].RequireAll || !maySign(ev.Kind)})
		}
	}
}

// readable reports whether evidence is there, undamaged: else the layout and blob
// checks speak of it.
func (s *session) readable(ev bundle.Evidence) bool {
	m := s.graph.Manifests[ev.Digest]
	if m == nil {
		return false
	}
	return !slices.ContainsFunc(m.Layers, func(l oci.Descriptor) bool {
		_, held := s.c.Meta[l.Digest]
		return s.c.Damaged[l.Digest] || !held && l.Size <= oci.MaxJudgedEvidence // larger evidence comes with the content
	})
}

// oversized refuses a signature that nobody could read, since the bundle carries
// it as content: a hostile one must not leave the report without a cause.
func (j *judgement) oversized() {
	if j.s.graph == nil {
		return // it is judged without a bundle
	}
	m := j.s.graph.Manifests[j.sig.Manifest]
	if m == nil || j.sig.Layer >= len(m.Layers) {
		return
	}
	if l := m.Layers[j.sig.Layer]; l.Size > oci.MaxJudgedEvidence && l.MediaType != oci.TypeSimpleSigning {
		j.fault(check.Fault{ID: check.LimitEvidence, Detail: "the evidence is too large to be judged; no honest signature is that large",
			Expected: fmt.Sprintf("at most %d bytes", int64(oci.MaxJudgedEvidence)), Found: fmt.Sprintf("%d bytes", l.Size)})
	}
}

// maySign reports whether evidence of a kind may be a signature, which
// --require-all would have to find good.
func maySign(k oci.Kind) bool {
	return k == oci.KindSignature || k == oci.KindBundle || k == oci.KindNotation
}

// unjudgedBytes sums what was carried and hashed, and proves nothing.
func (s *session) unjudgedBytes() (n int64) {
	var seen = map[oci.Digest]bool{}
	count := func(d oci.Descriptor) {
		if !seen[d.Digest] && d.Digest != oci.EmptyDigest {
			seen[d.Digest] = true
			n += d.Size
		}
	}
	if s.rep.Seal == nil {
		n = s.c.SealSize()
	}
	for _, g := range s.graph.Images {
		for _, ev := range g.Evidence {
			m := s.graph.Manifests[ev.Digest]
			if m == nil || s.judged[ev.Digest] {
				continue
			}
			count(ev.Descriptor())
			count(m.Config)
			for _, l := range m.Layers {
				count(l)
			}
		}
	}
	return n
}
