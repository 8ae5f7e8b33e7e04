package bundle

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Contents is the metadata of a bundle, planned or read. Every blob in Meta has
// been checked against its digest.
type Contents struct {
	Inventory *Inventory
	Meta      map[oci.Digest][]byte
	Damaged   map[oci.Digest]bool // metadata present in the file with a wrong digest or size
	Manifest  oci.Digest          // of the inventory's manifest, which a seal names
	Sealed    bool                // index.json lists a seal
	Seal      []byte              // its envelope, nil if there is none or it cannot be read
	Limits    oci.Limits          // within which it was read or planned; zero fields mean the defaults
}

// Graph is what the roots that an inventory names (images, evidence, keys)
// reach, derived from the manifests alone.
type Graph struct {
	Images    []ImageGraph
	Manifests map[oci.Digest]*oci.Manifest
	Blobs     []Blob // by digest
	Faults    []*check.Fault

	meta    map[oci.Digest][]byte
	configs map[oci.Digest]config
}

// config is an image config, parsed once however many manifests name it.
type config struct {
	*oci.Config
	fault *check.Fault
}

// Config returns the image config of that digest as [oci.ParseConfig] reads it.
// Both results are nil if it is missing or damaged. It is not safe for use by
// several goroutines.
func (g *Graph) Config(d oci.Digest) (*oci.Config, *check.Fault) {
	raw, ok := g.meta[d]
	if !ok {
		return nil, nil
	}
	c, ok := g.configs[d]
	if !ok {
		c.Config, c.fault = oci.ParseConfig(raw)
		if c.fault != nil {
			c.fault.Subject = string(d)
		}
		g.configs[d] = c
	}
	return c.Config, c.fault
}

// ImageGraph is one image of the inventory with its parts.
type ImageGraph struct {
	Image
	Tree      []TreeNode // the root first, then its children in the order of the index
	Canonical []Evidence // the evidence in the order the format dictates
	Carried   []string   // platforms found present
}

// TreeNode is the root of an image or one of its children.
type TreeNode struct {
	Node
	Platform *oci.Platform // as the index names it, nil for the root
	Parent   oci.Digest    // empty for the root
}

// Walk derives the graph of c. Manifests that are missing or damaged are passed
// over: the layout and blob checks speak of them.
func (c *Contents) Walk() *Graph {
	w := newWalker(c)
	for _, img := range c.Inventory.Images {
		w.image(img)
	}
	for _, k := range c.Inventory.Keys {
		w.artifact(k.Node, RoleKey)
	}
	for _, b := range w.blobs {
		slices.Sort(b.Roles)
		w.Blobs = append(w.Blobs, *b)
	}
	slices.SortFunc(w.Blobs, compareBlobs)
	w.Faults = w.faults.list()
	return w.Graph
}

func compareBlobs(a, b Blob) int { return cmp.Compare(a.Digest, b.Digest) }

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

func newWalker(c *Contents) *walker {
	return &walker{
		Contents: c, lim: c.Limits.WithDefaults(), Graph: &Graph{Manifests: map[oci.Digest]*oci.Manifest{}, meta: c.Meta, configs: map[oci.Digest]config{}},
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

// blob records that something points at d in a role.
func (w *walker) blob(d oci.Descriptor, role Role) {
	if d.Digest == oci.EmptyDigest {
		if d.Size != 2 {
			w.faults.add(&check.Fault{ID: check.ManifestSize, Subject: string(d.Digest), Detail: "size of the empty config", Expected: "2", Found: fmt.Sprint(d.Size)})
		}
		return // stands in the file as the inventory's config
	}
	if d.Size < 0 {
		w.faults.add(&check.Fault{ID: check.ManifestSize, Subject: string(d.Digest), Detail: "negative size", Found: fmt.Sprint(d.Size)})
		return
	}
	b := w.blobs[d.Digest]
	if b == nil {
		b = &Blob{Digest: d.Digest, Size: d.Size}
		w.blobs[d.Digest] = b
	}
	if b.Size != d.Size {
		w.faults.add(&check.Fault{ID: check.ManifestSize, Subject: string(d.Digest), Detail: "two descriptors of one blob give two sizes",
			Expected: fmt.Sprint(b.Size), Found: fmt.Sprint(d.Size)})
	}
	if !slices.Contains(b.Roles, role) {
		b.Roles = append(b.Roles, role)
	}
}

// manifest returns the parsed document d points at, nil if it cannot be used.
// Its faults are told once.
func (w *walker) manifest(d oci.Descriptor) *oci.Manifest {
	role := RoleManifest
	if oci.IsIndex(d.MediaType) {
		role = RoleIndex
	}
	w.blob(d, role)
	key := document{d.Digest, d.MediaType}
	if m, ok := w.parsed[key]; ok {
		return m
	}
	raw, ok := w.Meta[d.Digest]
	if !ok {
		return nil
	}
	m, faults := oci.ParseManifest(raw, d.MediaType)
	w.parsed[key] = m
	for _, f := range faults {
		if f.Subject == "" {
			f.Subject = string(d.Digest)
		}
		w.faults.add(f)
	}
	if m != nil {
		w.Manifests[d.Digest] = m
	}
	return m
}

// parts records a manifest's config and layers. The layers of evidence have
// roles of their own.
func (w *walker) parts(d oci.Digest, m *oci.Manifest, layerRole Role) {
	key := part{d, layerRole}
	if w.noted[key] {
		return
	}
	w.noted[key] = true
	w.blob(m.Config, RoleConfig)
	for _, l := range m.Layers {
		if len(l.URLs) > 0 {
			continue // told as foreign: it may be here or not
		}
		role := layerRole
		if role == RoleEvidence {
			role = evidenceRole(l)
		}
		w.blob(l, role)
	}
}

func evidenceRole(l oci.Descriptor) Role {
	switch {
	case l.MediaType == oci.TypeSimpleSigning:
		return RolePayload
	case l.Size <= oci.MaxJudgedEvidence:
		return RoleEvidence
	}
	return RoleUnjudged
}

// platformOf names the platform of a manifest: by the index, else by its config.
func (w *walker) platformOf(n TreeNode, m *oci.Manifest) []string {
	if !m.HasImageConfig() {
		return nil
	}
	name := ""
	if n.Platform == nil {
		name = w.configured(m.Config.Digest)
	} else if n.Platform.OS != "unknown" { // build attestations ride along as children of an unknown platform
		name = n.Platform.String()
	}
	if name == "" {
		return nil
	}
	return []string{name}
}

// configured returns the platform that a config names, empty if it names none.
func (w *walker) configured(d oci.Digest) string {
	c, _ := w.Config(d)
	if c == nil || c.OS == "" {
		return ""
	}
	return c.Platform().String()
}

// PlatformName names a platform as os/architecture[/variant], for a message.
func PlatformName(p *oci.Platform) string {
	if p == nil {
		return "unknown platform"
	}
	return p.String()
}
