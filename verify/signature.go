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

// readEvidence returns the signatures and attestations stored for the root of an
// image or for one of its children. Their cost is counted unless paid is set. ok is
// false if there are more than the budget allows.
func (s *session) readEvidence(i int, g *bundle.ImageGraph, subject oci.Digest, paid bool) (
	sigs []evidence.Evidence, ok bool,
) {
	for _, ev := range g.Evidence {
		if ev.Subject != subject || !ev.Kind.Judged() {
			continue
		}
		m := s.graph.Manifests[ev.Digest]
		if m == nil || len(m.Layers) == 0 {
			continue // checks of manifests and blobs report a missing one; without layers there is nothing to judge
		}
		cost := bundle.CostOf(ev, m, s.c.Meta)
		if !paid && !s.spend(i, ev, cost) {
			return nil, false
		}
		read := s.read.get(ev, cost.Bytes, s.blob)
		var further int64
		for k := range read {
			further += moreThanOne(len(read[k].Entries)) + moreThanOne(len(read[k].Timestamps))
		}
		if !paid && !s.spend(i, ev, bundle.EvidenceCost{Further: further}) {
			return nil, false
		}
		sigs = append(sigs, read...)
	}
	return sigs, true
}

// spend counts the cost of evidence, and reports whether the budgets allow it.
func (s *session) spend(i int, ev bundle.Evidence, cost bundle.EvidenceCost) bool {
	f := s.work.Spend(i, ev.Subject, cost)
	if f == nil {
		return true
	}
	if f.ID == check.LimitMetadata {
		f.Subject = string(ev.Digest)
	}
	s.fault(i, *f)
	return false
}

// readings keeps the evidence of manifests as it was read, since an image may have
// many names.
type readings struct {
	kept  map[bundle.Evidence][]evidence.Evidence
	bytes int64 // of their manifests and blobs
}

// maxKept bounds the bytes from which the evidence that is kept was read.
const maxKept = 8 << 20

func (r *readings) get(ev bundle.Evidence, size int64, blob func(oci.Digest) []byte) []evidence.Evidence {
	if list, ok := r.kept[ev]; ok {
		return list
	}
	list := evidence.Read(ev.Kind, ev.Digest, ev.Subject, blob)
	if size > maxKept {
		return list
	}
	if r.bytes += size; r.kept == nil || r.bytes > maxKept {
		r.kept, r.bytes = map[bundle.Evidence][]evidence.Evidence{}, size
	}
	r.kept[ev] = list
	return list
}

// moreThanOne returns how many of n are more than one: each further log entry or
// timestamp costs what a signature costs.
func moreThanOne(n int) int64 { return int64(max(n-1, 0)) }

// blob returns metadata by digest, nil for what is missing or damaged.
func (s *session) blob(d oci.Digest) []byte {
	if d == oci.EmptyDigest {
		return []byte("{}")
	}
	return s.c.Meta[d]
}

// maySignHere reports whether evidence is judged as a signature: it is one, or it
// cannot be read and might have been one.
func maySignHere(e *evidence.Evidence) bool {
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
	j.readCertificate()
	j.chooseDomain()
	j.readEntries()
	j.crypto()
	j.otherCertificate()
	for _, l := range j.entries {
		j.bindEntry(l)
		j.log(l)
	}
	j.timestamps()
	j.windows()
	j.thresholds()
	j.certificate()
	j.denied()
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

// countSignature lists a judged signature of an image in the report.
func (s *session) countSignature(i int, j *judgement) {
	img := &s.rep.Images[i]
	j.info.Good = j.good()
	j.info.Counts = j.info.Good && j.sig.Subject == j.root
	img.Signatures = append(img.Signatures, j.info)
	if j.info.Counts && j.named && img.BoundBy == check.BoundByNone {
		img.BoundBy = check.BoundByName
	}
}

// signed says whether the image came with a signature. One that is listed and
// cannot be read fails other checks, and is not missing.
func (t *attempt) signed(v *vouching) {
	g := v.g
	f := check.Fault{ID: check.SignaturePresent, Subject: string(g.Digest)}
	switch {
	case slices.ContainsFunc(t.of, func(j *judgement) bool { return j.sig.Subject == g.Digest }):
		t.rec.pass(v.i, f)
	case v.s.unreadable(g):
		f.Detail = "a signature is listed and cannot be read"
		t.rec.add(v.i, check.Skip, f)
	default:
		f.Detail, f.Found = "the image has no signature that this version judges"+v.s.missed(g), otherEvidence(g)
		if types := v.attestedTypes(); len(types) > 0 {
			f.Cause = check.CauseAttested
			f.Found += "; a pinned signer attested: " + strings.Join(types, ", ")
		}
		if slices.ContainsFunc(g.LeftOut, func(l bundle.LeftOut) bool { return l.Reason == bundle.ReasonDenied }) {
			f.Cause = check.CauseDenied
		}
		t.rec.fault(v.i, f)
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

// children says what vouches for the platforms of an index: what vouches for the
// index, by their digests, unless each was demanded to be vouched for.
func (t *attempt) children(v *vouching) {
	g, d := v.g, v.d
	platforms, signed := 0, 0
	for _, n := range g.Tree {
		if n.Digest == g.Digest || !v.s.graph.Runs(n) {
			continue
		}
		platforms++
		if t.good[n.Digest] {
			signed++
		} else if d.RequireChildren {
			t.rec.fault(v.i, check.Fault{ID: check.PolicyChild, Subject: string(n.Digest),
				Detail:   "a platform has no good " + string(t.way.By) + " of its own, and one was demanded",
				Expected: "a " + string(t.way.By) + " that meets every demand",
				Found:    "the index's " + string(t.way.By) + " only"})
		}
	}
	if platforms > 0 && t.good[g.Digest] && (signed == platforms || !d.RequireChildren) {
		noun := "platforms"
		if platforms == 1 {
			noun = "platform"
		}
		index, own := "signed", "signed"
		if t.way.By == check.VouchedByAttestation {
			index, own = "attested", "attested"
		}
		t.rec.pass(v.i, check.Fault{ID: check.PolicyChild, Subject: string(g.Digest),
			Detail: fmt.Sprintf("the %s index vouches for its %d %s by digest; %s in their own right: %d",
				index, platforms, noun, own, signed)})
	}
}

// signers counts who signed the image, if more than one was demanded.
func (t *attempt) signers(v *vouching) {
	if v.d.Signers <= 1 {
		return
	}
	var ofRoot []*judgement
	for _, j := range t.of {
		if j.sig.Subject == v.g.Digest {
			ofRoot = append(ofRoot, j)
		}
	}
	found := countSigners(counting(ofRoot...))
	f := check.Fault{ID: check.PolicySigners, Subject: string(v.g.Digest),
		Detail:   "distinct keys or identities whose signatures meet every demand",
		Expected: fmt.Sprintf("at least %d", v.d.Signers), Found: fmt.Sprint(found)}
	if found < v.d.Signers {
		t.rec.fault(v.i, f)
		return
	}
	t.rec.pass(v.i, f)
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
