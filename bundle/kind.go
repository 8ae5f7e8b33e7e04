package bundle

import (
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Runs reports whether a node is something to run or install: neither an index, nor
// an attestation that is stored among the children of one, nor missing. It goes by
// what a runtime would select and run: the platform in the index, and otherwise the
// one in the config, whatever the types of the layers say.
func (g *Graph) Runs(n TreeNode) bool {
	m := g.Manifests[n.Digest]
	if m == nil || oci.IsIndex(m.MediaType) {
		return false
	}
	return n.Parent == "" || !g.isAttestation(n.Platform, m)
}

// isAttestation reports whether a child of an index holds evidence, and no runtime
// would select it.
func (g *Graph) isAttestation(named *oci.Platform, m *oci.Manifest) bool {
	if named != nil && !named.IsUnknown() {
		return false
	}
	// A runtime takes its own system for one that the config leaves out.
	c, _ := g.Config(m.Config.Digest)
	if c != nil && (c.OS != "" || c.Architecture != "") && !c.Platform().IsUnknown() {
		return false
	}
	_, ok := g.EvidenceKind(m)
	return ok
}

// IsForeign reports whether a manifest of an image lists a blob as a layer that its
// publisher does not pass on.
func (g *Graph) IsForeign(d oci.Digest) bool { return g.foreign[d] }

// ForeignLayers returns how many layers of a manifest were left out because their
// publisher does not pass them on.
func (g *Graph) ForeignLayers(manifest oci.Digest) int { return g.leftOut[manifest] }

// EvidenceKind returns what kind of evidence a manifest of the graph is, as
// [oci.Manifest.EvidenceKind] decides by the metadata.
func (g *Graph) EvidenceKind(m *oci.Manifest) (kind oci.Kind, ok bool) {
	k, known := g.kinds[m]
	if !known {
		k.Kind, k.ok = m.EvidenceKind(g.texts.holds)
		g.kinds[m] = k
	}
	return k.Kind, k.ok
}

// texts remembers which blobs are text, so that none is read for each manifest that
// lists it.
type texts struct {
	meta map[oci.Digest][]byte
	seen map[oci.Digest]bool
}

func newTexts(meta map[oci.Digest][]byte) *texts { return &texts{meta, map[oci.Digest]bool{}} }

// holds reports whether a blob is text, or is not at hand.
func (t *texts) holds(d oci.Digest) bool {
	raw, ok := t.meta[d]
	if !ok {
		return true
	}
	text, known := t.seen[d]
	if !known {
		text = oci.IsText(raw)
		t.seen[d] = text
	}
	return text
}

// kind is what a manifest counts as, which is decided once.
type kind struct {
	oci.Kind
	ok bool
}

// config is an image config, which is parsed once even if many manifests name it.
type config struct {
	*oci.Config
	fault *check.Fault
}
