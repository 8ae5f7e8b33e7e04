package verify

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

// signatures judges every signature of an image and of its children. One signature
// of the root that meets all demands is enough for the image.
func (s *session) signatures(i int, g *bundle.ImageGraph, ref oci.Reference, d *demands) {
	var all []*judgement
	good := map[oci.Digest]bool{}
	visited := map[oci.Digest]bool{}
	for _, n := range g.Tree {
		if visited[n.Digest] {
			continue // an index may name one child twice
		}
		visited[n.Digest] = true
		sigs, ok := s.readEvidence(i, g, n.Digest, int64(len(all)))
		if !ok {
			s.signed[i] = true // it has signatures, only too many
			return
		}
		for _, sig := range sigs {
			if s.ended() {
				return
			}
			j := s.judge(g, ref, d, sig)
			if !judgedAsSignature(&sig) {
				s.countAttestation(i, j, true)
				continue
			}
			all = append(all, j)
			good[n.Digest] = good[n.Digest] || j.good() && sig.IsSignature()
		}
	}
	s.present(i, g, slices.ContainsFunc(all, func(j *judgement) bool { return j.sig.Subject == g.Digest }))
	for _, j := range all {
		s.countSignature(i, j, good[g.Digest] && !d.RequireAll)
	}
	s.children(i, g, d, good)
	s.signers(i, g, d)
}

// judgedKinds are the kinds of evidence that this version judges.
var judgedKinds = map[oci.Kind]bool{
	oci.KindSignature: true, oci.KindBundle: true, oci.KindAttestation: true, oci.KindInToto: true,
}

// maxSignatures bounds the signatures of all images together, in multiples of
// what one image may have: a bundle can list one signature for many images, and
// each listing costs its time and its place in the report.
const maxSignatures = 20

// readEvidence returns the signatures and attestations stored for the root of an
// image or for one of its children. count is how many signatures of the image were
// read before. ok is false if there are more than the budget allows.
func (s *session) readEvidence(i int, g *bundle.ImageGraph, subject oci.Digest, count int64) (
	sigs []evidence.Evidence, ok bool,
) {
	blob := func(d oci.Digest) []byte {
		if d == oci.EmptyDigest {
			return []byte("{}")
		}
		return s.c.Meta[d]
	}
	for _, ev := range g.Evidence {
		if ev.Subject != subject || !judgedKinds[ev.Kind] {
			continue
		}
		m := s.graph.Manifests[ev.Digest]
		if m == nil || len(m.Layers) == 0 {
			continue // checks of manifests and blobs report a missing one; without layers there is nothing to judge
		}
		count += int64(len(m.Layers))
		s.signaturesRead += int64(len(m.Layers))
		if most := s.limits.Signatures; count > most || s.signaturesRead > maxSignatures*most {
			s.fault(i, check.Fault{ID: check.LimitSigs, Subject: string(subject),
				Detail:   "too many signatures of one image, or of all images together",
				Expected: fmt.Sprintf("at most %d, or %d", most, maxSignatures*most), Found: "more"})
			return nil, false
		}
		sigs = append(sigs, evidence.Read(ev.Kind, ev.Digest, subject, blob)...)
	}
	return sigs, true
}

// judgedAsSignature reports whether evidence is judged as a signature: because it is
// one, or because it cannot be read and might have been one.
func judgedAsSignature(e *evidence.Evidence) bool {
	return e.IsSignature() || e.Statement == nil && e.Form != check.FormAttestation && e.Form != check.FormInToto
}

// judge asks all questions about one piece of evidence.
func (s *session) judge(g *bundle.ImageGraph, ref oci.Reference, d *demands, sig evidence.Evidence) *judgement {
	j := &judgement{s: s, sig: sig, root: g.Digest, ref: ref, d: d, rec: recorder{advise: s.advise}}
	j.info = Signature{Form: sig.Form, Digest: sig.ID(), Subject: string(sig.Subject)}
	for _, f := range sig.Problems {
		j.fault(*f)
	}
	if sig.Message == nil {
		j.oversized()
		j.skip(check.SignatureClaims, "nothing that was signed could be read")
		return j
	}
	c := j.claims()
	j.readEntries()
	j.readCertificate()
	j.crypto()
	j.hint()
	for _, l := range j.entries {
		j.bindEntry(l)
		j.log(l)
	}
	j.timestamps()
	j.windows()
	j.thresholds()
	j.certificate()
	if c != nil && j.vouched() {
		j.info.Payload = RawJSON(j.sig.Payload)
	}
	if c != nil && j.sig.IsSignature() {
		j.meetDemands(c)
	}
	if !j.rec.has(check.SignatureEncoding, check.Fail) {
		j.pass(check.SignatureEncoding, "")
	}
	return j
}

// oversized reports a signature that is too large to be judged. The bundle carries
// it as content, so it was not read, and the report must name that cause.
func (j *judgement) oversized() {
	if j.s.graph == nil {
		return // it is judged without a bundle
	}
	m := j.s.graph.Manifests[j.sig.Manifest]
	if m == nil || j.sig.Layer >= len(m.Layers) {
		return
	}
	if l := m.Layers[j.sig.Layer]; l.Size > oci.MaxJudgedEvidence && l.MediaType != oci.TypeSimpleSigning {
		j.fault(check.Fault{ID: check.LimitEvidence,
			Detail:   "the evidence is too large to be judged; no honest signature is that large",
			Expected: fmt.Sprintf("at most %d bytes", int64(oci.MaxJudgedEvidence)),
			Found:    fmt.Sprintf("%d bytes", l.Size)})
	}
}

// countSignature records a judged signature of an image. If lenient, what is wrong
// with it is a warning.
func (s *session) countSignature(i int, j *judgement, lenient bool) {
	j.settle(i, lenient)
	img := &s.rep.Images[i]
	j.info.Good = j.good()
	j.info.Counts = j.info.Good && j.sig.Subject == j.root
	img.Signatures = append(img.Signatures, j.info)
	s.signed[i] = s.signed[i] || j.sig.Subject == j.root
	if !j.info.Counts {
		return
	}
	img.VouchedBy = check.VouchedBySignature
	if j.named && img.BoundBy == check.BoundByNone {
		img.BoundBy = check.BoundByName
	}
}

// present asks whether the image came with a signature; judged says that one of its
// root was judged. A signature that is listed but cannot be read is not missing:
// other checks fail for it.
func (s *session) present(i int, g *bundle.ImageGraph, judged bool) {
	f := check.Fault{ID: check.SignaturePresent, Subject: string(g.Digest)}
	switch {
	case judged:
		s.pass(i, f)
	case s.unreadable(g):
		f.Detail = "a signature is listed, but it cannot be read"
		s.add(i, check.Skip, f)
	default:
		f.Detail, f.Found = "the image has no signature that this version judges", otherEvidence(g)
		s.fault(i, f)
	}
}

// unreadable reports whether a signature of the image is listed whose manifest is
// missing or damaged.
func (s *session) unreadable(g *bundle.ImageGraph) bool {
	return slices.ContainsFunc(g.Evidence, func(ev bundle.Evidence) bool {
		ofSignature := ev.Kind == oci.KindSignature || ev.Kind == oci.KindBundle
		return ofSignature && ev.Subject == g.Digest && s.graph.Manifests[ev.Digest] == nil
	})
}

func otherEvidence(g *bundle.ImageGraph) string {
	count := map[oci.Kind]int{}
	for _, ev := range g.Evidence {
		count[ev.Kind]++
	}
	list := make([]string, 0, len(count))
	for _, kind := range slices.Sorted(maps.Keys(count)) {
		list = append(list, fmt.Sprintf("%d %s", count[kind], kind))
	}
	if len(list) == 0 {
		return "no evidence at all"
	}
	return "evidence of other kinds: " + strings.Join(list, ", ")
}

// children asks what vouches for the platforms of an index. The index's own
// signature does, since the index names them by digest, unless a signature of each
// platform was demanded.
func (s *session) children(i int, g *bundle.ImageGraph, d *demands, good map[oci.Digest]bool) {
	platforms, signed := 0, 0
	for _, n := range g.Tree {
		if n.Digest == g.Digest || !s.isPlatform(n) {
			continue
		}
		platforms++
		if good[n.Digest] {
			signed++
		} else if d.RequireChildren {
			s.fault(i, check.Fault{ID: check.PolicyChild, Subject: string(n.Digest),
				Detail:   "a platform has no good signature of its own, and one was demanded",
				Expected: "a signature that meets every demand", Found: "the index's signature only"})
		}
	}
	if platforms > 0 && good[g.Digest] && (signed == platforms || !d.RequireChildren) {
		noun := "platforms"
		if platforms == 1 {
			noun = "platform"
		}
		s.pass(i, check.Fault{ID: check.PolicyChild, Subject: string(g.Digest),
			Detail: fmt.Sprintf("the signed index vouches for its %d %s by digest; signed in their own right: %d",
				platforms, noun, signed)})
	}
}

// signers counts who signed the image, if more than one was demanded.
func (s *session) signers(i int, g *bundle.ImageGraph, d *demands) {
	if d.Signers <= 1 {
		return
	}
	found := countSigners(s.rep.Images[i].Signatures)
	f := check.Fault{ID: check.PolicySigners, Subject: string(g.Digest),
		Detail:   "distinct keys or identities whose signatures meet every demand",
		Expected: fmt.Sprintf("at least %d", d.Signers), Found: fmt.Sprint(found)}
	if found < d.Signers {
		s.fault(i, f)
		return
	}
	s.pass(i, f)
}

// countSigners counts distinct signers. Each key counts once, and so does each
// identity that was demanded, however many names match its regular expression:
// one workflow on two branches is one signer.
func countSigners(sigs []Signature) (n int) {
	seen := map[string]bool{}
	for i := range sigs {
		sig := &sigs[i]
		if !sig.Counts || seen[string(sig.Key)] || seen[sig.matched] {
			continue
		}
		n++
		seen[string(sig.Key)] = true
		if sig.matched != "" {
			seen[sig.matched] = true
		}
	}
	return n
}
