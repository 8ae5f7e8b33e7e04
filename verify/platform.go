package verify

import (
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

// attestationManifest is a manifest, as BuildKit writes it, that stores unsigned
// statements about one platform of an image, together with the signatures over that
// manifest. It is a child of the index, or a referrer of the platform. A signature
// over the manifest vouches for its subject, and for the statements by their digests.
type attestationManifest struct {
	digest     oci.Digest
	platform   oci.Digest
	statement  *evidence.Evidence // of the type that was demanded; nil if there is none
	faults     []*check.Fault     // why it cannot vouch for the platform
	signatures []*judgement
	shared     bool // m is a child of the index, so the signatures are among those of the image
}

// good reports whether a good signature over m vouches for the platform.
func (m *attestationManifest) good() bool {
	return len(m.faults) == 0 && slices.ContainsFunc(m.signatures, func(j *judgement) bool {
		return j.good() && j.sig.IsSignature()
	})
}

// byPlatforms looks for an attestation of each platform that the bundle carries.
func (t *attempt) byPlatforms(v *vouching) {
	platforms, signed := v.platforms(), 0
	for _, n := range platforms {
		if !t.platform(v, n) {
			return
		}
		if t.good[n.Digest] {
			signed++
		}
	}
	t.complete = signed > 0 && signed == len(platforms) && !t.carriedElsewhere(v) && !t.misnamed(v)
	if !t.complete {
		return
	}
	f := check.Fault{ID: check.PolicyPlatformAtt, Subject: string(v.g.Digest)}
	f.Detail = fmt.Sprintf("a signed attestation of type %s vouches for each platform (%d)", t.way.Name, signed)
	if oci.IsIndex(v.g.MediaType) {
		f.Detail += "; the index itself is not signed"
	}
	t.rec.pass(v.i, f)
}

// carriedElsewhere refuses a child of the image's indexes that the inventory leaves
// out while another image of the bundle carries it. A runtime that has both images
// could select that child through the index, which is not signed.
func (t *attempt) carriedElsewhere(v *vouching) (any bool) {
	inTree := v.whereAttested().inTree
	carries := v.s.inventoryBlobs()
	for _, n := range v.g.Tree {
		m := v.s.graph.Manifests[n.Digest]
		if m == nil {
			continue
		}
		for _, child := range m.Manifests {
			if !carries[child.Digest] || inTree[child.Digest] {
				continue
			}
			any = true
			t.rec.fault(v.i, check.Fault{ID: check.PolicyPlatformAtt, Subject: string(child.Digest),
				Detail: "a platform is listed as left out of this image, and another image of the bundle carries it, " +
					"so no attestation was asked for it",
				Expected: "a child that is carried as part of the image, or not at all",
				Found:    bundle.PlatformName(child.Platform)})
		}
	}
	return any
}

// inventoryBlobs returns the digests of all blobs, those that another image carries as
// layers included.
func (s *session) inventoryBlobs() map[oci.Digest]bool {
	if s.carried == nil {
		s.carried = make(map[oci.Digest]bool, len(s.c.Inventory.Blobs))
		for _, b := range s.c.Inventory.Blobs {
			s.carried[b.Digest] = true
		}
	}
	return s.carried
}

// misnamed refuses an unsigned index that names a platform for which the manifest was
// not built. The attestation vouches for the manifest and its config, not for what the
// index says about them.
func (t *attempt) misnamed(v *vouching) bool {
	faults := v.s.misnamed(v.g)
	for _, f := range faults {
		f.ID = check.PolicyPlatformAtt
		f.Detail = "the index, which is not signed, names another platform than the attested config"
		t.rec.fault(v.i, f)
	}
	return len(faults) > 0
}

// platforms lists the manifests of the image that can be run, each once.
func (v *vouching) platforms() (list []bundle.TreeNode) {
	seen := map[oci.Digest]bool{}
	for _, n := range v.g.Tree {
		if !seen[n.Digest] && v.s.graph.Runs(n) {
			list = append(list, n)
		}
		seen[n.Digest] = true
	}
	return list
}

// platform looks for what vouches for one platform: an attestation about it, or an
// attestation manifest. It returns false if there is more evidence than the budget
// allows.
func (t *attempt) platform(v *vouching, n bundle.TreeNode) bool {
	where := v.whereAttested()
	var good []Signature // that vouch for the platform
	for _, j := range where.statements[n.Digest] {
		if t.isType(j) && j.sig.Message != nil {
			j.asVoucher()
			t.of = append(t.of, j)
			good = append(good, counting(j)...)
		}
	}
	var faults []*check.Fault
	signatures := 0
	for _, d := range where.manifests[n.Digest] {
		m := t.readManifest(v, d, n)
		if !m.signed(v, t) {
			return false
		}
		t.manifests = append(t.manifests, m)
		for _, j := range m.signatures {
			if len(m.faults) == 0 && j.sig.IsSignature() { // not an attestation about m
				good = append(good, counting(j)...)
			}
		}
		faults = append(faults, m.faults...)
		signatures += len(m.signatures)
	}
	if len(good) > 0 {
		t.good[n.Digest] = t.enough(v, n, good)
		return true
	}
	for _, f := range faults {
		t.rec.fault(v.i, *f)
	}
	t.rec.fault(v.i, check.Fault{ID: check.PolicyPlatformAtt, Subject: string(n.Digest),
		Detail: "no signed attestation of type " + t.way.Name + " vouches for the platform " + v.platformName(n) +
			where.missed,
		Expected: "an attestation manifest that names the platform as its subject, with a good signature",
		Found: fmt.Sprintf("%d attestation manifests with %d signatures", len(where.manifests[n.Digest]),
			signatures)})
	return true
}

// counting returns the good ones of some judged evidence, marked as ones that count.
func counting(list ...*judgement) (good []Signature) {
	for _, j := range list {
		if j.good() {
			info := j.info
			info.Counts = true
			good = append(good, info)
		}
	}
	return good
}

// enough reports whether as many distinct signers as demanded vouch for a platform.
func (t *attempt) enough(v *vouching, n bundle.TreeNode, good []Signature) bool {
	found := countSigners(good)
	if found >= v.d.Signers {
		return true
	}
	t.rec.fault(v.i, check.Fault{ID: check.PolicySigners, Subject: string(n.Digest),
		Detail:   "distinct keys or identities that vouch for the platform " + v.platformName(n),
		Expected: fmt.Sprintf("at least %d", v.d.Signers), Found: fmt.Sprint(found)})
	return false
}

// signed finds the signatures over the manifest. Those over a child of the index were
// judged with the image. ok is false if there is more evidence than the budget allows.
func (m *attestationManifest) signed(v *vouching, t *attempt) (ok bool) {
	if len(m.faults) > 0 {
		return true // no signature could help
	}
	where := v.whereAttested()
	if m.shared = where.inTree[m.digest]; !m.shared {
		m.signatures, ok = v.judged(m.digest)
		return ok
	}
	m.signatures = where.signatures[m.digest]
	t.of = append(t.of, m.signatures...)
	return true
}

func (v *vouching) platformName(n bundle.TreeNode) string {
	if n.Platform != nil {
		return n.Platform.String()
	}
	return string(n.Digest)
}

// whereAttested says where to look for attestations of platforms. The maps are by
// subject.
type whereAttested struct {
	inTree     map[oci.Digest]bool
	manifests  map[oci.Digest][]oci.Digest // that claim to be about a platform
	statements map[oci.Digest][]*judgement // signed ones
	signatures map[oci.Digest][]*judgement
	missed     string // what export left out, for a message
}

// whereAttested looks once through the image. The index and the inventory only say
// where to look: neither is signed.
func (v *vouching) whereAttested() *whereAttested {
	if v.where != nil {
		return v.where
	}
	w := &whereAttested{
		inTree: map[oci.Digest]bool{}, manifests: map[oci.Digest][]oci.Digest{},
		statements: map[oci.Digest][]*judgement{}, signatures: map[oci.Digest][]*judgement{},
	}
	v.where = w
	w.missed = v.s.missed(v.g)
	claimed := map[[2]oci.Digest]bool{}
	add := func(d, platform oci.Digest) {
		if d == platform || claimed[[2]oci.Digest{d, platform}] || !v.isAttestation(d) {
			return
		}
		claimed[[2]oci.Digest{d, platform}] = true
		w.manifests[platform] = append(w.manifests[platform], d)
	}
	for _, n := range v.g.Tree {
		w.inTree[n.Digest] = true
		m := v.s.graph.Manifests[n.Digest]
		if m == nil {
			continue
		}
		if m.Subject != nil {
			add(n.Digest, m.Subject.Digest)
		}
		for _, child := range m.Manifests {
			add(child.Digest, oci.Digest(child.Annotations[annotationReference]))
		}
	}
	for _, ev := range v.g.Evidence {
		add(ev.Digest, ev.Subject)
	}
	for _, j := range v.attestations {
		w.statements[j.sig.Subject] = append(w.statements[j.sig.Subject], j)
	}
	for _, j := range v.signatures {
		w.signatures[j.sig.Subject] = append(w.signatures[j.sig.Subject], j)
	}
	return w
}

// isAttestation reports whether a manifest holds in-toto statements.
func (v *vouching) isAttestation(d oci.Digest) bool {
	m := v.s.graph.Manifests[d]
	if m == nil {
		return false
	}
	kind, ok := v.s.graph.EvidenceKind(m)
	return ok && kind == oci.KindInToto
}

// annotationReference is the annotation by which an index says which platform an
// attestation manifest of BuildKit's is about.
const annotationReference = "vnd.docker.reference.digest"

// readManifest reads an attestation manifest and compares it with the platform
// that it is to vouch for. The signature covers only the manifest. So both its subject
// and the statement that it names by digest must be about this platform.
func (t *attempt) readManifest(v *vouching, d oci.Digest, n bundle.TreeNode) *attestationManifest {
	m := &attestationManifest{digest: d, platform: n.Digest}
	fault := func(f check.Fault) {
		f.Subject = string(d)
		m.faults = append(m.faults, &f)
	}
	if !v.subject(d, n, fault) {
		return m // its statements are about something else
	}
	for _, e := range evidence.ReadInToto(d, n.Digest, v.s.blob) {
		if e.Statement == nil || e.Statement.PredicateType != t.way.PredicateType {
			continue
		}
		for _, f := range e.Problems {
			fault(*f)
		}
		m.statement = &e
	}
	if m.statement == nil {
		fault(check.Fault{ID: check.PolicyAttestation, Detail: "the attestation manifest has no statement of the type",
			Expected: t.way.PredicateType, Found: "none that can be read"})
	}
	return m
}

// subject compares the subject of an attestation manifest with the platform. It
// returns false if that is another manifest.
func (v *vouching) subject(d oci.Digest, n bundle.TreeNode, fault func(check.Fault)) bool {
	const which = "the subject of the attestation manifest"
	of := v.s.graph.Manifests[d].Subject
	if of == nil {
		fault(check.Fault{ID: check.SignatureClaims, Detail: "the attestation manifest names no subject",
			Expected: string(n.Digest), Found: "none"})
		return false
	}
	raw, m := v.s.c.Meta[n.Digest], v.s.graph.Manifests[n.Digest]
	if of.Digest != n.Digest {
		fault(check.Fault{ID: check.SignatureClaims, Detail: which + " is another manifest",
			Expected: string(n.Digest), Found: string(of.Digest)})
		return false
	}
	if of.Size != int64(len(raw)) {
		fault(check.Fault{ID: check.ManifestSize, Detail: which + " has another size",
			Expected: fmt.Sprint(len(raw)), Found: fmt.Sprint(of.Size)})
	}
	if of.MediaType != m.MediaType {
		fault(check.Fault{ID: check.ManifestMediaType, Detail: which + " is of another media type",
			Expected: m.MediaType, Found: check.Clip(of.MediaType)})
	}
	return true
}

// countManifests lists the signatures over attestation manifests as attestations
// of their platforms. Their failures are notes if something else vouches for the
// platform or the image.
func (t *attempt) countManifests(v *vouching, vouched bool) {
	for _, m := range t.manifests {
		for _, j := range m.signatures {
			info := j.info
			info.Subject = string(m.platform)
			info.Good = m.good() && j.good() && j.sig.IsSignature()
			info.Counts = info.Good && m.platform == v.g.Digest
			att := Attestation{Signature: info, Manifest: Text(m.digest)}
			att.Payload = nil
			if m.statement != nil && j.vouched() {
				att.PredicateType = Text(m.statement.Statement.PredicateType)
				att.Payload = RawJSON(m.statement.Payload)
			}
			v.s.rep.Images[v.i].Attestations = append(v.s.rep.Images[v.i].Attestations, att)
			if m.shared {
				j.listed = true
				continue // it is settled with the signatures of the image
			}
			failed := check.Fail
			if (vouched || t.good[m.platform]) && !v.d.RequireAll {
				failed = check.Skip
			}
			j.settle(v.i, failed, 0)
		}
		if m.good() {
			v.s.signedManifests[m.digest] = true
		}
	}
}

// noteManifests marks the attestation manifests for which a signature vouches as
// judged.
func (s *session) noteManifests() {
	for d := range s.signedManifests {
		s.judged[d] = true
	}
}
