package bundle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// tagSuffixes are the suffixes of the tags sha256-<hex> under which cosign 2 and
// earlier store evidence.
var tagSuffixes = []string{".sig", ".att", ".sbom"}

func evidenceTag(subject oci.Digest, suffix string) string { return "sha256-" + subject.Hex() + suffix }

// evidenceWalk finds all evidence about an image.
type evidenceWalk struct {
	*collector
	ctx    context.Context
	repo   string
	img    *Image
	left   *leaving
	listed map[string]bool // repository@subject whose referrers were listed
	have   map[Evidence]bool
	by     map[oci.Digest]*candidate // evidence that may be a subject, by its digest
	signed map[oci.Digest]bool       // what evidence that verifies is about
	judged int64                     // bytes of evidence about which Request.Vouches was asked
	layers int64                     // of the evidence that was fetched
	tried  [2]int64                  // referrers that were looked at: what may be judged, and the rest
}

// subject gathers the evidence about the root or one child of the image.
func (w *evidenceWalk) subject(d oci.Digest) error {
	for _, repo := range w.repositories() {
		for _, suffix := range tagSuffixes {
			if err := w.tag(repo, d, evidenceTag(d, suffix)); err != nil {
				return err
			}
		}
		if err := w.referrers(repo, d, 1); err != nil {
			return err
		}
	}
	return nil
}

func (w *evidenceWalk) repositories() []string {
	list := []string{w.repo}
	add := func(repo string) {
		if repo != "" && !slices.Contains(list, repo) {
			list = append(list, repo)
		}
	}
	add(w.req.Evidence)
	if ref, err := oci.ParseReference(w.img.Reference); err == nil && w.req.EvidenceFor != nil {
		add(w.req.EvidenceFor(ref))
	}
	return list
}

func (w *evidenceWalk) tag(repo string, subject oci.Digest, tag string) error {
	var d oci.Descriptor
	var claims string
	reason, err := w.attempt(func() (err error) {
		d, err = w.manifest(w.ctx, repo, tag)
		if err != nil {
			return err
		}
		claims = w.claims(d)
		if w.images[d.Digest] {
			return nil // carried as an image
		}
		return w.carry(repo, subject, d, false, LeftOut{Subject: subject, Tag: tag, Digest: d.Digest, Type: claims})
	})
	switch {
	case err != nil:
		return fmt.Errorf("evidence at tag %s: %w", tag, err)
	case reason == ReasonMissing && d.Digest == "":
		return nil // the source says that there is none
	case reason != "":
		w.leave(LeftOut{Subject: subject, Tag: tag, Digest: d.Digest, Type: claims, Reason: reason})
	}
	return nil
}

func (w *evidenceWalk) referrers(repo string, subject oci.Digest, depth int64) error {
	key := repo + "@" + string(subject)
	if w.listed[key] {
		return nil
	}
	w.listed[key] = true
	found, err := w.src.Referrers(w.ctx, repo, subject)
	if err != nil {
		reason := reasonFor(err)
		if reason == "" {
			return fmt.Errorf("referrers of %s: %w", subject, err)
		}
		w.leave(LeftOut{Subject: subject, Type: oci.TypeIndex, Reason: reason})
	}
	found = slices.DeleteFunc(slices.Clone(found), func(d oci.Descriptor) bool {
		return d.Digest == subject || w.images[d.Digest] // carried as an image, with signatures of its own
	})
	if len(found) > 0 && depth > w.req.Limits.Depth {
		w.leave(LeftOut{Subject: subject, Type: oci.TypeIndex, Reason: ReasonOverBudget})
		return nil
	}
	slices.SortStableFunc(found, func(a, b oci.Descriptor) int {
		return cmp.Or(cmp.Compare(promise(a), promise(b)), cmp.Compare(a.Size, b.Size))
	})
	for _, d := range w.first(found) {
		if err := w.referrer(repo, subject, d, depth); err != nil {
			return err
		}
	}
	return nil
}

// first returns as many entries of a list as may still be looked at, and one more, by
// which referrer notices that there are more. It copies them, so that a long list does
// not stay in memory while the referrers of its entries are listed.
func (w *evidenceWalk) first(found []oci.Descriptor) (list []oci.Descriptor) {
	var taken [2]int64
	for _, d := range found {
		k, most := w.class(d)
		if w.tried[k]+taken[k] <= most {
			taken[k]++
			list = append(list, d)
		}
	}
	return list
}

// class returns the counter of tried in which an entry of a list counts, and how many
// such entries are looked at.
func (w *evidenceWalk) class(d oci.Descriptor) (k int, most int64) {
	if promise(d) < promisesNothing {
		return 0, maxSignatures * w.req.Limits.Signatures // the one that counts may be the last of many
	}
	return 1, w.req.Limits.Signatures
}

// promise is a sort key that puts entries first that say they are signatures or
// attestations, since only a bounded number of entries is looked at.
func promise(d oci.Descriptor) int {
	// go-containerregistry's registry gives the type of the config, which is empty for a
	// Sigstore bundle.
	for i, mark := range []string{"sigstore", "cosign", "in-toto", "attestation", oci.TypeEmpty} {
		if strings.Contains(d.ArtifactType, mark) {
			return i
		}
	}
	return promisesNothing
}

// promisesNothing is the key of entries whose type promises nothing that is judged.
const promisesNothing = 5

func (w *evidenceWalk) referrer(repo string, subject oci.Digest, listed oci.Descriptor, depth int64) error {
	k, most := w.class(listed)
	if w.tried[k]++; w.tried[k] > most {
		w.leave(LeftOut{Subject: w.img.Digest, Reason: ReasonMore})
		return nil
	}
	var d oci.Descriptor
	var claims string
	reason, err := w.attempt(func() (err error) {
		if _, err := oci.ParseDigest(string(listed.Digest)); err != nil {
			return &check.Fault{ID: check.ManifestDigest, Detail: err.Error()}
		}
		d, err = w.manifest(w.ctx, repo, string(listed.Digest))
		if err != nil {
			return err
		}
		claims = w.claims(d)
		return w.carry(repo, subject, d, true, LeftOut{Subject: subject, Digest: d.Digest, Type: claims})
	})
	switch {
	case err != nil:
		return fmt.Errorf("referrer %s: %w", listed.Digest, err)
	case reason == "":
		return w.referrers(repo, listed.Digest, depth+1)
	case reason == ReasonMissing && d.Digest != "":
		reason = ReasonIncomplete
	}
	l := LeftOut{Subject: subject, Digest: listed.Digest, Reason: reason}
	l.Type = cmp.Or(claims, typeOf(listed.ArtifactType, listed.MediaType))
	if l.check() != nil {
		l.Digest = ""
	}
	w.leave(l)
	return nil
}

func (w *evidenceWalk) leave(l LeftOut) {
	if l.Reason == ReasonMissing && l.Tag != "" {
		l.Reason = ReasonIncomplete // the tag is there, and a part of what it names is not
	}
	w.left.evidence(l)
}

// claims returns what a fetched manifest says it is: its artifact type, or else its
// media type.
func (w *evidenceWalk) claims(d oci.Descriptor) string {
	m, _ := oci.ParseManifest(w.meta[d.Digest], d.MediaType)
	if m == nil {
		return typeOf(d.MediaType)
	}
	return typeOf(m.ArtifactType, m.MediaType)
}

// carry adds one piece of evidence to the image, and fetches those of its blobs that
// are metadata. If it was listed as a referrer, it must name its subject. left is
// recorded if the evidence gives way to other evidence later.
func (w *evidenceWalk) carry(repo string, subject oci.Digest, d oci.Descriptor, listed bool, left LeftOut) error {
	m, err := w.parse(d)
	if err != nil {
		return err
	}
	if err := w.names(m, subject, listed); err != nil {
		return err
	}
	if err := w.fits(d, m); err != nil {
		return err
	}
	// The content of the layers is not fetched yet, so their types decide for now.
	if _, ok := m.EvidenceKind(nil); !ok {
		return unsignedImage(d.Digest)
	}
	if m.HasImageConfig() && slices.ContainsFunc(m.Layers, isLarge) {
		return &check.Fault{ID: check.LimitEvidence, Subject: string(d.Digest),
			Detail: "a layer is too large to be looked at"}
	}
	if err := w.metadata(w.ctx, repo, m.Config, "config", w.req.Limits.Config); err != nil {
		return err
	}
	for _, l := range m.Layers {
		if err := w.layer(repo, l); err != nil {
			return err
		}
	}
	kind, ok := m.EvidenceKind(w.texts.holds)
	if !ok {
		return unsignedImage(d.Digest)
	}
	ev := Evidence{Kind: kind, Subject: subject, Node: Node{d.MediaType, d.Digest, d.Size}}
	if w.have[ev] {
		return nil
	}
	w.have[ev] = true
	return w.add(&candidate{walk: w, ev: ev, repo: repo, left: left}, m)
}

// isLarge reports whether a layer of evidence is too large to be read before the bundle
// is written. With an image config, such a layer might be a file system to run.
func isLarge(l oci.Descriptor) bool { return l.Size > oci.MaxJudgedEvidence }

func unsignedImage(d oci.Digest) error {
	return &check.Fault{ID: check.PolicyUnsigned, Subject: string(d), Detail: "could be run or installed"}
}

// names checks that the manifest of evidence names its subject, with the size and
// media type of the subject.
func (w *evidenceWalk) names(m *oci.Manifest, subject oci.Digest, listed bool) error {
	s := m.Subject
	switch {
	case s == nil && !listed:
		return nil
	case s == nil || s.Digest != subject:
		return errForeignSubject
	case s.Size != int64(len(w.meta[subject])) || s.MediaType != w.types[subject]:
		return &check.Fault{ID: check.ManifestSize, Subject: string(subject),
			Detail: "the subject has another size or media type"}
	}
	return nil
}

var errForeignSubject = errors.New("names another subject")

// fits checks that a piece of evidence gives no blob another size than what is carried
// does, and that it is within the budgets.
func (w *evidenceWalk) fits(d oci.Descriptor, m *oci.Manifest) error {
	n, most := int64(len(m.Layers)), w.req.Limits.Signatures
	if n > most || w.layers+n > maxSignatures*most {
		return &check.Fault{ID: check.LimitSigs, Detail: "evidence of one image"}
	}
	w.layers += n
	sizes := map[oci.Digest]int64{d.Digest: d.Size}
	for _, p := range append([]oci.Descriptor{m.Config}, m.Layers...) {
		size, ok := cmp.Or(w.sizes[p.Digest], sizes[p.Digest]), w.sizes[p.Digest] > 0 || sizes[p.Digest] > 0
		if p.Size < 0 || ok && size != p.Size {
			return &check.Fault{ID: check.ManifestSize, Subject: string(p.Digest), Detail: "a blob is given two sizes"}
		}
		sizes[p.Digest] = p.Size
	}
	return nil
}

// layer fetches a layer of evidence if it is metadata. Otherwise it only checks that
// the registry has it.
func (w *evidenceWalk) layer(repo string, l oci.Descriptor) error {
	switch evidenceRole(l) {
	case RolePayload:
		return w.metadata(w.ctx, repo, l, "payload", w.req.Limits.Payload)
	case RoleEvidence:
		return w.metadata(w.ctx, repo, l, "", oci.MaxJudgedEvidence)
	}
	return w.holds(w.ctx, repo, l)
}

// attestations lists the attestation manifests in the image's indexes as evidence of
// their platforms. One whose statements are too large to be held stays a child of the
// index and nothing else.
func (w *evidenceWalk) attestations(all []attestation) error {
	for _, a := range all {
		if w.meta[a.about] == nil || w.meta[a.Digest] == nil {
			continue // about a platform that is not carried
		}
		reason, err := w.attempt(func() error { return w.carry(w.repo, a.about, a.Descriptor, false, LeftOut{}) })
		switch {
		case err != nil:
			return fmt.Errorf("attestation %s: %w", a.Digest, err)
		case reason == ReasonMissing || reason == ReasonDenied || reason == ReasonMismatch:
			w.left.part(LeftOut{Subject: a.index, Digest: a.Digest, Type: typeOf(a.ArtifactType, a.MediaType),
				Reason: ReasonIncomplete})
		}
	}
	return nil
}
