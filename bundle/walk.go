package bundle

import (
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// walker derives a [Graph]. What it has read it does not read again: documents
// may name each other a million times over, and every mention after the first
// must be cheap.
type walker struct {
	*Contents
	*Graph
	lim    oci.Limits
	faults faultList
	blobs  map[oci.Digest]*Blob
	parsed map[document]*oci.Manifest
	noted  map[part]bool // manifests whose config and layers are recorded
	steps  int64         // children of indexes looked at

	walked map[oci.Digest]bool // of the image at hand
	omit   map[oci.Digest]bool // left out of the image at hand
	omits  []Omitted           // in canonical order
}

// document is a blob read as what a descriptor calls it.
type document struct {
	digest    oci.Digest
	mediaType string
}

// part is a manifest with the role that it gives its layers.
type part struct {
	digest oci.Digest
	layers Role
}

func newWalker(c *Contents, lim oci.Limits) *walker {
	return &walker{
		Contents: c, lim: lim, Graph: &Graph{Manifests: map[oci.Digest]*oci.Manifest{}, meta: c.Meta, configs: map[oci.Digest]config{}},
		blobs: map[oci.Digest]*Blob{}, parsed: map[document]*oci.Manifest{}, noted: map[part]bool{},
	}
}

// step counts a child of an index; it answers whether the walk may go on.
func (w *walker) step() bool {
	if w.steps++; w.steps == w.lim.Entries+1 {
		w.faults.add(&check.Fault{ID: check.LimitEntries, Detail: "children of indexes, each counted as often as it is named", Expected: fmt.Sprintf("at most %d", w.lim.Entries), Found: "more"})
	}
	return w.steps <= w.lim.Entries
}

func (w *walker) begin(img *Image) {
	w.walked, w.omit, w.omits = map[oci.Digest]bool{}, make(map[oci.Digest]bool, len(img.Omitted)), []Omitted{}
	for _, o := range img.Omitted {
		w.omit[o.Digest] = true
	}
}

func (w *walker) image(img Image) {
	g := ImageGraph{Image: img}
	w.begin(&img)
	w.tree(&g, TreeNode{Node: img.Node}, 0)
	if !slices.Equal(img.Omitted, w.omits) {
		w.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(img.Digest), Detail: "the platforms left out are not listed as the index has them",
			Expected: fmt.Sprintf("%d in order", len(w.omits)), Found: fmt.Sprintf("%d listed", len(img.Omitted))})
	}
	var tooDeep bool
	if g.Canonical, tooDeep = orderEvidence(g.Tree, img.Evidence, w.lim.Depth); tooDeep {
		w.faults.add(&check.Fault{ID: check.LimitDepth, Subject: string(img.Digest), Detail: "evidence for evidence nests too deep", Expected: fmt.Sprintf("at most %d levels", w.lim.Depth)})
	}
	for _, ev := range g.Canonical {
		w.evidence(ev)
	}
	w.Images = append(w.Images, g)
}

// tree walks an image's root or child and whatever it needs to run. A document
// met again adds its platform and nothing else.
func (w *walker) tree(g *ImageGraph, n TreeNode, depth int64) {
	if depth > w.lim.Depth {
		w.faults.add(&check.Fault{ID: check.LimitDepth, Subject: string(n.Digest), Detail: "indexes nest too deep", Expected: fmt.Sprintf("at most %d levels", w.lim.Depth)})
		return
	}
	m := w.manifest(n.Descriptor())
	again := w.walked[n.Digest]
	if !again {
		w.walked[n.Digest] = true
		g.Tree = append(g.Tree, n)
	}
	switch {
	case m == nil:
	case !oci.IsIndex(m.MediaType):
		w.parts(n.Digest, m, RoleLayer)
		g.Carried = append(g.Carried, w.platformOf(n, m)...)
	case !again:
		w.children(g, n, m, depth)
	}
}

func (w *walker) children(g *ImageGraph, n TreeNode, m *oci.Manifest, depth int64) {
	for _, d := range m.Manifests {
		if !w.step() {
			return
		}
		if w.omit[d.Digest] {
			w.omits = append(w.omits, Omitted{Platform: PlatformName(d.Platform), Digest: d.Digest})
			continue
		}
		w.child(g, n, d, depth)
	}
}

func (w *walker) child(g *ImageGraph, parent TreeNode, d oci.Descriptor, depth int64) {
	if _, ok := w.Meta[d.Digest]; !ok && !w.Damaged[d.Digest] {
		w.faults.add(&check.Fault{ID: check.ManifestChild, Subject: string(d.Digest), Detail: "a child of index " + string(parent.Digest) + " is missing, and export did not leave it out on purpose",
			Expected: PlatformName(d.Platform)})
		return
	}
	w.tree(g, TreeNode{Node: Node{d.MediaType, d.Digest, d.Size}, Platform: d.Platform, Parent: parent.Digest}, depth+1)
}

// artifact walks a manifest of the bundle's own.
func (w *walker) artifact(n Node, layerRole Role) {
	if m := w.manifest(n.Descriptor()); m != nil {
		w.parts(n.Digest, m, layerRole)
	}
}

func (w *walker) evidence(ev Evidence) {
	m := w.manifest(ev.Descriptor())
	if m == nil {
		return
	}
	if _, ok := m.EvidenceKind(); !ok { // an image in disguise: the policy check says so
		w.begin(&Image{})
		w.tree(&ImageGraph{}, TreeNode{Node: ev.Node}, 0)
		return
	}
	w.parts(ev.Digest, m, RoleEvidence)
}
