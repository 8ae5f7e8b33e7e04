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

// vouching is the search for something that vouches for one image. Each way of
// vouching that the demands accept is tried as an [attempt]. The first that is
// satisfied vouches.
type vouching struct {
	s   *session
	i   int // index of the image
	g   *bundle.ImageGraph
	ref oci.Reference
	d   *demands

	signatures   []*judgement        // of the root and its children; also evidence that may be a signature
	attestations []*judgement        // of the root and its children, of any type
	paid         map[oci.Digest]bool // manifests whose evidence is counted in the budget

	where *whereAttested // nil until attestations of platforms are looked for
}

// attempt is the result of trying one way of vouching for an image. Its failures are
// recorded as failures only if no attempt is satisfied; otherwise they become notes.
type attempt struct {
	way      Vouch
	rec      recorder            // about the image as a whole
	of       []*judgement        // the evidence that could vouch
	good     map[oci.Digest]bool // the root or the children that good evidence is about
	complete bool                // every demand on this way is met

	manifests []*attestationManifest // of the platforms, if these are to be attested
}

// vouch judges all evidence of an image and finds out what vouches for it.
func (s *session) vouch(i int, g *bundle.ImageGraph, ref oci.Reference, d *demands) {
	v := &vouching{s: s, i: i, g: g, ref: ref, d: d, paid: map[oci.Digest]bool{}}
	if !v.gather() {
		return
	}
	var tried []*attempt
	won := -1
	for k, way := range d.ways() {
		t := v.try(way)
		tried = append(tried, t)
		if t.complete {
			won = k
			break
		}
	}
	if won < 0 {
		// A way for which the image has evidence explains more than one for which it has none.
		slices.SortStableFunc(tried, func(a, b *attempt) int { return a.without(v) - b.without(v) })
	}
	v.conclude(tried, won)
}

// gather judges the evidence of the root and its children. It returns false if
// there is more than the budget allows, or if the run was cancelled.
func (v *vouching) gather() bool {
	seen := map[oci.Digest]bool{}
	for _, n := range v.g.Tree {
		if seen[n.Digest] {
			continue // an index may name one child twice
		}
		seen[n.Digest] = true
		list, ok := v.judged(n.Digest)
		if !ok {
			return false
		}
		for _, j := range list {
			if maySignHere(&j.sig) {
				v.signatures = append(v.signatures, j)
			} else {
				v.attestations = append(v.attestations, j)
			}
		}
	}
	return true
}

// judged judges the evidence that is stored for a manifest of the image. ok is
// false in the same cases as for gather.
func (v *vouching) judged(subject oci.Digest) (list []*judgement, ok bool) {
	found, ok := v.s.readEvidence(v.i, v.g, subject, v.paid[subject])
	v.paid[subject] = true
	if !ok {
		v.s.rooted[v.i] = true // there is evidence, even if too much
		return nil, false
	}
	for _, e := range found {
		if v.s.ended() {
			return nil, false
		}
		list = append(list, v.s.judge(v.g, v.ref, v.d, e))
	}
	return list, true
}

// try tries one way.
func (v *vouching) try(way Vouch) *attempt {
	t := &attempt{way: way, rec: recorder{advise: v.s.advise}, good: map[oci.Digest]bool{}}
	switch way.By {
	case check.VouchedBySignature:
		t.bySignature(v)
	case check.VouchedByAttestation:
		t.byAttestation(v)
	case check.VouchedByPlatformAttestation:
		t.byPlatforms(v)
	case check.VouchedBySender:
		t.bySender(v)
	}
	return t
}

func (t *attempt) bySignature(v *vouching) {
	t.of = v.signatures
	all := true
	for _, j := range t.of {
		t.good[j.sig.Subject] = t.good[j.sig.Subject] || j.good() && j.sig.IsSignature()
		all = all && j.good()
	}
	t.signed(v)
	t.children(v)
	t.signers(v)
	t.complete = t.good[v.g.Digest] && !t.rec.any(check.Fail) && (all || !v.d.RequireAll)
}

// byAttestation counts the attestations of the type about the image itself. It also
// reports evidence that cannot be read, since that may be such an attestation.
func (t *attempt) byAttestation(v *vouching) {
	for _, j := range v.attestations {
		if t.isType(j) {
			j.asVoucher()
			t.good[j.sig.Subject] = t.good[j.sig.Subject] || j.good()
			t.of = append(t.of, j)
		}
	}
	f := check.Fault{ID: check.PolicyAttestation, Subject: string(v.g.Digest),
		Detail:   "attestations of type " + t.way.Name + " that vouch for the image",
		Expected: "at least 1 that verifies", Found: fmt.Sprint(t.about(v.g.Digest))}
	if t.good[v.g.Digest] {
		t.rec.pass(v.i, f)
	} else {
		f.Detail += v.s.missed(v.g)
		f.Cause = check.CauseVoucher
		if others := v.attestedTypes(); len(t.of) == 0 && len(others) > 0 {
			f.Found = "0; good ones of other types: " + strings.Join(others, ", ")
		} else if len(t.of) > 0 {
			f.Cause = check.CauseVoucherBad
		}
		t.rec.fault(v.i, f)
	}
	t.children(v)
	t.signers(v)
	for _, j := range v.signatures {
		if !j.sig.IsSignature() {
			t.of = append(t.of, j)
		}
	}
	t.complete = t.good[v.g.Digest] && !t.rec.any(check.Fail)
}

// attestedTypes lists the predicate types of good attestations about the image.
func (v *vouching) attestedTypes() (types []string) {
	for _, j := range v.attestations {
		if j.sig.Statement != nil && j.sig.Subject == v.g.Digest && j.good() {
			types = append(types, j.sig.Statement.PredicateType)
		}
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// isType reports whether evidence is an attestation of the type.
func (t *attempt) isType(j *judgement) bool {
	return j.sig.Statement != nil && j.sig.Statement.PredicateType == t.way.PredicateType
}

// about counts the good evidence about one manifest.
func (t *attempt) about(d oci.Digest) (n int) {
	for _, j := range t.of {
		if j.sig.Subject == d && j.good() {
			n++
		}
	}
	return n
}

// asVoucher checks an attestation, once, for what is demanded of signatures.
// Annotations are not: only a signature has them.
func (j *judgement) asVoucher() {
	if !j.voucher && j.sig.Message != nil {
		j.voucher = true
		j.age()
	}
}

// bySender accepts an image for which nothing of the publisher's vouches: the
// sender sealed it, and the operator pinned its digest.
func (t *attempt) bySender(v *vouching) {
	f := check.Fault{ID: check.PolicySender, Subject: string(v.g.Digest)}
	switch {
	case v.d.Signers > 1:
		t.signers(v)
		return
	case len(v.d.onSignatures()) > 0:
		f.Detail = "the sender may vouch for this image, but what is demanded of a signature cannot be met without one"
		f.Expected, f.Found = strings.Join(v.d.onSignatures(), ", "), "nothing that the publisher signed"
	case len(v.s.opt.SealKeys) == 0:
		f.Detail = "the sender may vouch for this image, but no seal key is pinned"
		f.Expected, f.Found = "a pinned seal key", "none"
	case v.s.rep.Seal == nil:
		f.Detail = "the sender may vouch for this image, but no seal by a pinned key holds"
		f.Expected, f.Found = "a seal by "+v.s.sealers(), "none that holds"
	case !v.pinned():
		f.Detail = "the sender may vouch for this image, but neither the policy nor a lock pins its digest"
		f.Expected, f.Found = "a pinned digest", string(v.g.Digest)
	default:
		f.Detail, f.Found = "the publisher signed nothing; the sender sealed the image, and its digest is pinned",
			v.s.rep.Seal.Key
		t.rec.pass(v.i, f)
		t.good[v.g.Digest], t.complete = true, true
		return
	}
	t.rec.fault(v.i, f)
}

// pinned reports whether the demands or the lock pin the digest of the image.
func (v *vouching) pinned() bool {
	return v.s.locked(v.g) || slices.ContainsFunc(v.d.each, func(from *Demands) bool {
		return slices.Contains(from.Digests, v.g.Digest)
	})
}

// conclude records the answers. won is the index of the attempt that is satisfied,
// -1 if none is.
func (v *vouching) conclude(tried []*attempt, won int) {
	s, img := v.s, &v.s.rep.Images[v.i]
	if won >= 0 {
		img.VouchedBy = tried[won].way.By
		img.VouchedType = Text(tried[won].way.PredicateType)
		s.rooted[v.i] = true // even if only evidence about the platforms vouches
		v.unasked(tried[won])
	}
	for k, t := range tried {
		for _, a := range t.rec.answers {
			switch {
			case a.Status == check.Fail && won >= 0:
				a.note("not needed")
			case a.ID == check.SignaturePresent && a.Status == check.Fail && tried[0] != t && tried[0].without(v) == 0:
				a.note("something else may vouch for the image")
			}
			a.late = k
			s.put(a)
		}
	}
	for _, t := range tried {
		t.countManifests(v, won >= 0)
		s.rooted[v.i] = s.rooted[v.i] || t.way.By == check.VouchedBySender || t.present(v)
	}
	for _, j := range v.signatures {
		s.rooted[v.i] = s.rooted[v.i] || j.sig.Subject == v.g.Digest
		if !j.listed {
			s.countSignature(v.i, j)
		}
		j.settle(v.i, v.status(j, tried, won), order(j, tried))
	}
	for _, j := range v.attestations {
		if j.sig.Message != nil || !s.signedManifests[j.sig.Manifest] {
			s.countAttestation(v.i, j)
		}
	}
	unmet := s.requiredAttestations(v.i, v.g, v.d)
	for _, j := range v.attestations {
		status := v.status(j, tried, won)
		if status == check.Skip && j.sig.Statement != nil && unmet[j.sig.Statement.PredicateType] {
			status = check.Warn // says why the demand is not met
		}
		j.settle(v.i, status, order(j, tried))
	}
	s.noteManifests()
}

// unasked notes that annotations were demanded and could not be checked, because an
// attestation vouches for the image.
func (v *vouching) unasked(t *attempt) {
	var demanded []string
	for _, from := range v.d.each {
		for _, name := range slices.Sorted(maps.Keys(from.Annotations)) {
			demanded = append(demanded, check.Clip(name+"="+from.Annotations[name]))
		}
	}
	attests := func(j *judgement) bool { return j.voucher && j.good() }
	if len(demanded) == 0 || !slices.ContainsFunc(t.of, attests) {
		return
	}
	v.s.add(v.i, check.Skip, check.Fault{ID: check.PolicyAnnotations, Subject: string(v.g.Digest),
		Detail: "annotations were demanded but could not be checked: an attestation vouches for the image, " +
			"and only a signature has annotations",
		Expected: strings.Join(demanded, ", "), Found: "an attestation of type " + t.way.Name})
}

// without is the key by which failed attempts are sorted. It is 0 if the image came
// with evidence of this kind, or if the kind needs none, and 1 otherwise.
func (t *attempt) without(v *vouching) int {
	if t.present(v) || t.way.By == check.VouchedBySender {
		return 0
	}
	return 1
}

// present reports whether the image came with evidence of this kind, good or not.
func (t *attempt) present(v *vouching) bool {
	signed := func(m *attestationManifest) bool { return len(m.signatures) > 0 }
	platforms := t.way.By == check.VouchedByPlatformAttestation
	ofRoot := func(j *judgement) bool { return platforms || j.sig.Subject == v.g.Digest }
	return slices.ContainsFunc(t.manifests, signed) || slices.ContainsFunc(t.of, ofRoot)
}

// status returns the status for failures of one piece of evidence: that of a note if
// the image does not need it.
func (v *vouching) status(j *judgement, tried []*attempt, won int) check.Status {
	if v.d.RequireAll && (maySignHere(&j.sig) || j.voucher && (won < 0 || slices.Contains(tried[won].of, j))) {
		return check.Fail
	}
	if won >= 0 {
		return check.Skip
	}
	for _, t := range tried {
		if slices.Contains(t.of, j) && !t.good[v.g.Digest] {
			return check.Fail
		}
	}
	return check.Skip
}

// order returns the index of the first attempt that used the evidence. Answers are
// sorted by it.
func order(j *judgement, tried []*attempt) int {
	return max(0, slices.IndexFunc(tried, func(t *attempt) bool { return slices.Contains(t.of, j) }))
}
