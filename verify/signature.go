package verify

import (
	"crypto/x509"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
	"github.com/gapseal/gapseal/verify/tsa"
)

// judgement is one signature, or one attestation, with the answers to all
// questions about it. Every form is asked the same.
type judgement struct {
	s       *session
	sig     evidence.Evidence
	root    oci.Digest // of the image the signature came with
	ref     oci.Reference
	d       *demands
	rec     recorder
	info    Signature
	entries []*logged
	signer  *trust.Key        // nil unless some key at hand verifies
	leaf    *x509.Certificate // nil for a plain key
	keyless bool              // judged by its certificate
	times   []time.Time       // trusted, of this signature
	counted []*rekor.LogEntry // about this signature, and a trusted log's
	stamps  []*tsa.Result     // over this signature, by a trusted authority
	named   bool              // the payload names the image's repository
}

func (s *session) judge(g *bundle.ImageGraph, ref oci.Reference, d *demands, sig evidence.Evidence) *judgement {
	j := &judgement{s: s, rec: recorder{advise: s.rec.advise}, sig: sig, root: g.Digest, ref: ref, d: d}
	j.info = Signature{Form: sig.Form, Digest: sig.ID(), Subject: string(sig.Subject)}
	for _, f := range sig.Problems {
		j.fault(*f)
	}
	if sig.Message == nil {
		j.oversized()
		j.skip(check.SignatureClaims, "there is nothing to judge that was signed")
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
		j.demands(c)
	}
	j.encodingPass()
	return j
}

// demands asks what the operator wants of a signature, one and the same.
func (j *judgement) demands(c *claim) {
	if c.reference != nil {
		j.reference(*c.reference)
	}
	j.annotations(c)
	j.age()
}

// good reports whether an anchor vouches for who signed and nothing failed.
func (j *judgement) good() bool {
	for _, a := range j.rec.answers {
		if a.Status == check.Fail {
			return false
		}
	}
	return j.vouched()
}

// vouched reports whether an anchor vouches for who made the signature: a
// pinned key, or a trusted certificate authority for the identity asked for.
func (j *judgement) vouched() bool {
	if j.signer == nil {
		return false
	}
	if j.keyless {
		return j.rec.has(check.CertChain, check.Pass) && j.rec.has(check.CertIdentity, check.Pass)
	}
	return j.rec.has(check.TrustKey, check.Pass)
}

func (j *judgement) fault(f check.Fault) {
	f.Subject = j.sig.ID()
	j.rec.fault(bundleWide, &f)
}

func (j *judgement) pass(id check.ID, detail string) {
	j.rec.add(bundleWide, check.Pass, check.Fault{ID: id, Subject: j.sig.ID(), Detail: detail})
}

func (j *judgement) skip(id check.ID, detail string) {
	j.rec.add(bundleWide, check.Skip, check.Fault{ID: id, Subject: j.sig.ID(), Detail: detail})
}

// passOnce records a pass for a question asked of several log entries, unless
// one of them failed.
func (j *judgement) passOnce(id check.ID) {
	if !j.rec.has(id, check.Fail) && !j.rec.has(id, check.Pass) {
		j.pass(id, "")
	}
}

func (j *judgement) encodingPass() {
	if !j.rec.has(check.SignatureEncoding, check.Fail) {
		j.pass(check.SignatureEncoding, "")
	}
}

// signatures judges every signature of an image and of its children, and then
// the image by those of its root: one that meets all demands at once suffices.
func (s *session) signatures(i int, g *bundle.ImageGraph, ref oci.Reference, d *demands) {
	var all []*judgement
	good := map[oci.Digest]bool{}
	read := map[oci.Digest]bool{}
	for _, n := range g.Tree {
		if read[n.Digest] {
			continue // an index may name one child twice
		}
		read[n.Digest] = true
		sigs, ok := s.read(i, g, n.Digest, int64(len(all)))
		if !ok {
			s.rooted[i] = true // it has some, and too many
			return
		}
		for _, sig := range sigs {
			if s.ended() {
				return
			}
			j := s.judge(g, ref, d, sig)
			if !maySignHere(&sig) {
				s.attestation(i, j)
				continue
			}
			all = append(all, j)
			good[n.Digest] = good[n.Digest] || j.good() && sig.IsSignature()
		}
	}
	s.signed(i, g, hasRoot(all, g.Digest))
	for _, j := range all {
		s.settle(i, j, good[g.Digest])
	}
	s.children(i, g, d, good)
	s.signers(i, g, d)
}

// settle records a judgement: what is wrong with a signature that is not needed
// is a warning, unless every one is demanded.
func (s *session) settle(i int, j *judgement, good bool) {
	lenient := good && !j.d.RequireAll
	for _, a := range j.rec.answers {
		if a.Status == check.Fail && lenient {
			a.Status = check.Warn
		}
		a.image = i
		s.rec.answers = append(s.rec.answers, a)
	}
	img := &s.rep.Images[i]
	j.info.Good = j.good()
	j.info.Counts = j.info.Good && j.sig.Subject == j.root
	img.Signatures = append(img.Signatures, j.info)
	s.rooted[i] = s.rooted[i] || j.sig.Subject == j.root
	if j.info.Counts {
		img.VouchedBy = check.VouchedBySignature
	}
	if j.info.Counts && j.named && img.BoundBy == check.BoundByNone {
		img.BoundBy = check.BoundByName
	}
	s.markJudged(j)
}

// markJudged notes that a manifest was judged, unless any part of it was not.
func (s *session) markJudged(j *judgement) {
	if before, ok := s.judged[j.sig.Manifest]; !ok || before {
		s.judged[j.sig.Manifest] = j.sig.Message != nil
	}
}

// children says what vouches for the platforms of an index: its own signature,
// by their digests, unless each was to have one.
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
			s.rec.fault(i, &check.Fault{ID: check.PolicyChild, Subject: string(n.Digest), Detail: "a platform has no good signature of its own, and one was demanded", Expected: "a signature that meets every demand", Found: "the index's signature only"})
		}
	}
	if platforms > 0 && good[g.Digest] && (signed == platforms || !d.RequireChildren) {
		s.rec.add(i, check.Pass, check.Fault{ID: check.PolicyChild, Subject: string(g.Digest),
			Detail: fmt.Sprintf("the signed index vouches for its %s by digest; signed in their own right: %d", count(platforms, "platform"), signed)})
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// judgedKinds are the kinds of evidence that this version judges.
var judgedKinds = map[oci.Kind]bool{oci.KindSignature: true, oci.KindBundle: true, oci.KindAttestation: true, oci.KindInToto: true}

// maySignHere reports whether evidence is judged as a signature: it is one, or
// it cannot be read and might have been one.
func maySignHere(e *evidence.Evidence) bool {
	return e.IsSignature() || e.Statement == nil && e.Form != check.FormAttestation && e.Form != check.FormInToto
}

// signed says whether the image came with a signature. One that is listed and
// cannot be read has its failure elsewhere, and is not missing.
func (s *session) signed(i int, g *bundle.ImageGraph, judged bool) {
	f := check.Fault{ID: check.SignaturePresent, Subject: string(g.Digest)}
	switch {
	case judged:
		s.rec.add(i, check.Pass, f)
	case s.unreadable(g):
		f.Detail = "a signature is listed and cannot be read"
		s.rec.add(i, check.Skip, f)
	default:
		f.Detail, f.Found = "the image has no signature that this version judges", otherEvidence(g)
		s.rec.fault(i, &f)
	}
}

// unreadable reports whether a signature of the image is listed whose manifest is
// missing or damaged.
func (s *session) unreadable(g *bundle.ImageGraph) bool {
	return slices.ContainsFunc(g.Evidence, func(ev bundle.Evidence) bool {
		return (ev.Kind == oci.KindSignature || ev.Kind == oci.KindBundle) && ev.Subject == g.Digest && s.graph.Manifests[ev.Digest] == nil
	})
}

func hasRoot(all []*judgement, root oci.Digest) bool {
	for _, j := range all {
		if j.sig.Subject == root {
			return true
		}
	}
	return false
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

// maxSignatures bounds the signatures of all images together, in multiples of
// what one may have: a bundle can list one signature for many images, and each
// costs its time and its place in the report.
const maxSignatures = 20

// read returns the signatures stored for one root or child; ok is false if the
// image, which has count of them already, has more than the budget allows.
func (s *session) read(i int, g *bundle.ImageGraph, subject oci.Digest, count int64) (sigs []evidence.Evidence, ok bool) {
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
			continue // the manifest and blob checks speak of it; without layers it is no evidence
		}
		count, s.sigs = count+int64(len(m.Layers)), s.sigs+int64(len(m.Layers))
		if max := s.limits.Signatures; count > max || s.sigs > maxSignatures*max {
			s.rec.fault(i, &check.Fault{ID: check.LimitSigs, Subject: string(subject), Detail: "signatures of one image, or of all together",
				Expected: fmt.Sprintf("at most %d, or %d", max, maxSignatures*max), Found: "more"})
			return nil, false
		}
		sigs = append(sigs, evidence.Read(ev.Kind, ev.Digest, subject, blob)...)
	}
	return sigs, true
}

// signers counts who signed the image, if more than one was to.
func (s *session) signers(i int, g *bundle.ImageGraph, d *demands) {
	if d.Signers <= 1 {
		return
	}
	found := countSigners(s.rep.Images[i].Signatures)
	f := check.Fault{ID: check.PolicySigners, Subject: string(g.Digest), Detail: "distinct keys or identities whose signatures meet every demand", Expected: fmt.Sprintf("at least %d", d.Signers), Found: fmt.Sprint(found)}
	if found < d.Signers {
		s.rec.fault(i, &f)
		return
	}
	s.rec.add(i, check.Pass, f)
}

// countSigners counts those who signed. Each key, and each identity that was
// demanded, counts once, however many names a regular expression lets pass: one
// workflow on two branches is one signer.
func countSigners(sigs []Signature) (n int) {
	seen := map[string]bool{}
	for i := range sigs {
		sig := &sigs[i]
		if !sig.Counts || seen[string(sig.Key)] || seen[sig.demanded] {
			continue
		}
		n++
		seen[string(sig.Key)] = true
		if sig.demanded != "" {
			seen[sig.demanded] = true
		}
	}
	return n
}
