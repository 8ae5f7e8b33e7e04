package bundle

import (
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Contents is the metadata of a bundle that was planned or read. Every blob in
// Meta has the digest that is its key.
type Contents struct {
	Inventory *Inventory
	Meta      map[oci.Digest][]byte
	Damaged   map[oci.Digest]bool // blobs in the file with a wrong digest or size
	Manifest  oci.Digest          // of the inventory's manifest, which a seal names
	Sealed    bool                // index.json lists a seal
	Seal      []byte              // the envelope of the seal, nil if there is none or it cannot be read
	Limits    oci.Limits          // within which it was read or planned; zero fields mean the defaults
}

// Graph holds everything that the images, evidence and keys of an inventory refer
// to. It is derived from the manifests alone.
type Graph struct {
	Images    []ImageGraph
	Manifests map[oci.Digest]*oci.Manifest
	Blobs     []Blob // by digest
	Faults    []*check.Fault

	meta    map[oci.Digest][]byte
	configs map[oci.Digest]config
	kinds   map[*oci.Manifest]kind
	texts   *texts
	foreign map[oci.Digest]bool
	leftOut map[oci.Digest]int // layers that are not carried, by manifest
}

// Config returns the image config with that digest, or the fault that
// [oci.ParseConfig] found. Both are nil if the config is missing or damaged. It is
// not safe for concurrent use.
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

// ImageGraph is one image of the inventory with its manifests and evidence.
type ImageGraph struct {
	Image
	Tree      []TreeNode // the root first, then its children in the order of the index
	Canonical []Evidence // the evidence in the order that the format dictates
	Carried   []string   // platforms whose manifests are in the bundle

	// Runnable are the platforms of Carried, with the version of the system.
	Runnable []oci.Platform
	// Without are the platforms that were left out because they were not requested.
	// An attestation among them is none.
	Without []string
}

// TreeNode is the root of an image or one of its children.
type TreeNode struct {
	Node
	Platform *oci.Platform // as the index names it, nil for the root
	Parent   oci.Digest    // empty for the root
	Attests  oci.Digest    // for an attestation manifest of BuildKit, the child that it is about; otherwise empty
}

// Walk derives the graph of c, which is empty without an inventory. It passes over
// manifests that are missing or damaged, since the layout and blob checks report them.
func (c *Contents) Walk() *Graph {
	if c.Inventory == nil {
		empty := *c
		empty.Inventory = &Inventory{}
		c = &empty
	}
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

// walker derives a [Graph]. It reads no document twice: hostile documents may name
// each other a million times, and every mention after the first must be cheap.
type walker struct {
	*Contents
	*Graph
	lim    oci.Limits
	faults faultList
	blobs  map[oci.Digest]*Blob
	parsed map[document]*oci.Manifest
	noted  map[part]bool // manifests whose config and layers are recorded
	steps  int64         // children of indexes looked at

	gone   map[layerOf]bool    // layers that are not carried, and the manifests that list them
	absent map[oci.Digest]bool // layers that the inventory says were left out

	// of the current image
	walked map[oci.Digest]bool
	omit   map[oci.Digest]bool // children that the inventory says were left out
	omits  []Omitted           // of these, the children that the index has, in its order
	lost   map[layerOf]bool    // subject and digest of what the inventory says was left out
}

// layerOf is a layer of a manifest, or a child of an index.
type layerOf struct{ of, digest oci.Digest }

// document is a blob, read as the media type that a descriptor gives it.
type document struct {
	digest    oci.Digest
	mediaType string
}

// part is a manifest with the role of its layers.
type part struct {
	digest oci.Digest
	layers Role
}

func newWalker(c *Contents) *walker {
	return &walker{
		Contents: c,
		lim:      c.Limits.WithDefaults(),
		Graph: &Graph{
			Manifests: map[oci.Digest]*oci.Manifest{},
			meta:      c.Meta,
			configs:   map[oci.Digest]config{},
			kinds:     map[*oci.Manifest]kind{},
			texts:     newTexts(c.Meta),
			foreign:   map[oci.Digest]bool{},
			leftOut:   map[oci.Digest]int{},
		},
		gone:   map[layerOf]bool{},
		absent: foreignLayers(c.Inventory),
		blobs:  map[oci.Digest]*Blob{},
		parsed: map[document]*oci.Manifest{},
		noted:  map[part]bool{},
	}
}

// step counts a child of an index, and reports whether the walk may go on.
func (w *walker) step() bool {
	if w.steps++; w.steps == w.lim.Entries+1 {
		w.faults.add(&check.Fault{ID: check.LimitEntries,
			Detail:   "too many children of indexes, each counted as often as it is named",
			Expected: fmt.Sprintf("at most %d", w.lim.Entries), Found: "more"})
	}
	return w.steps <= w.lim.Entries
}

// begin resets what is known of the current image.
func (w *walker) begin(img *Image) {
	w.walked = map[oci.Digest]bool{}
	w.omit = make(map[oci.Digest]bool, len(img.Omitted))
	w.omits = []Omitted{}
	for _, o := range img.Omitted {
		w.omit[o.Digest] = true
	}
	w.lost = make(map[layerOf]bool, len(img.LeftOut))
	for _, l := range img.LeftOut {
		w.lost[layerOf{l.Subject, l.Digest}] = true
	}
}

func (w *walker) image(img Image) {
	g := ImageGraph{Image: img}
	w.begin(&img)
	w.tree(&g, TreeNode{Node: img.Node}, 0)
	if !slices.Equal(img.Omitted, w.omits) {
		w.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(img.Digest),
			Detail:   "the platforms left out are not listed as the index has them",
			Expected: fmt.Sprintf("%d in order", len(w.omits)), Found: fmt.Sprintf("%d listed", len(img.Omitted))})
	}
	var tooDeep bool
	if g.Canonical, tooDeep = orderEvidence(g.Tree, img.Evidence, w.lim.Depth); tooDeep {
		w.tooDeep(img.Digest, "evidence for evidence nests too deep")
	}
	for _, ev := range g.Canonical {
		w.evidence(ev)
	}
	w.leftOut(&g)
	w.Images = append(w.Images, g)
}

func (w *walker) tooDeep(d oci.Digest, detail string) {
	w.faults.add(&check.Fault{ID: check.LimitDepth, Subject: string(d), Detail: detail,
		Expected: fmt.Sprintf("at most %d levels", w.lim.Depth)})
}

// tree walks the root of an image or one of its children, with its config, layers
// and children. A document that occurs again adds its platform and nothing else.
func (w *walker) tree(g *ImageGraph, n TreeNode, depth int64) {
	if depth > w.lim.Depth {
		w.tooDeep(n.Digest, "indexes nest too deep")
		return
	}
	m := w.manifest(n.Descriptor())
	if n.Attests != "" && (m == nil || !w.isAttestation(n.Platform, m)) {
		n.Attests = ""
	}
	again := w.walked[n.Digest]
	if !again {
		w.walked[n.Digest] = true
		g.Tree = append(g.Tree, n)
	}
	switch {
	case m == nil:
	case !oci.IsIndex(m.MediaType):
		w.parts(n.Digest, m, RoleLayer)
		w.carried(g, n, m)
	case !again:
		w.children(g, n, m, depth)
	}
}

func (w *walker) children(g *ImageGraph, n TreeNode, m *oci.Manifest, depth int64) {
	for _, d := range m.Manifests {
		if !w.step() {
			return
		}
		_, isAttestation := d.AttestationOf()
		switch {
		case w.omit[d.Digest]:
			w.omits = append(w.omits, Omitted{Platform: PlatformName(d.Platform), Digest: d.Digest})
			if !isAttestation {
				g.Without = append(g.Without, fullName(d.Platform))
			}
		case isAttestation && w.lost[layerOf{n.Digest, d.Digest}]:
		default:
			w.child(g, n, d, depth)
		}
	}
}

// fullName is [PlatformName] with the version of the system.
func fullName(p *oci.Platform) string {
	if p == nil {
		return PlatformName(nil)
	}
	return p.Full()
}

func (w *walker) child(g *ImageGraph, parent TreeNode, d oci.Descriptor, depth int64) {
	if _, ok := w.Meta[d.Digest]; !ok && !w.Damaged[d.Digest] {
		const detail = "a child of index %s is missing, and export did not leave it out on purpose"
		w.faults.add(&check.Fault{ID: check.ManifestChild, Subject: string(d.Digest),
			Detail:   fmt.Sprintf(detail, parent.Digest),
			Expected: PlatformName(d.Platform)})
		return
	}
	about, _ := d.AttestationOf()
	node := Node{d.MediaType, d.Digest, d.Size}
	w.tree(g, TreeNode{Node: node, Platform: d.Platform, Parent: parent.Digest, Attests: about}, depth+1)
}

// artifact walks the manifest of a key artifact.
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
	// The roles follow from the types alone, since the place of a layer follows from its
	// role, and its content is known only there.
	if _, ok := m.EvidenceKind(nil); !ok { // an image in disguise, which a policy check reports
		w.begin(&Image{})
		w.tree(&ImageGraph{}, TreeNode{Node: ev.Node}, 0)
		return
	}
	w.parts(ev.Digest, m, RoleEvidence)
}

// blob records that a document points at d, and in which role.
func (w *walker) blob(d oci.Descriptor, role Role) {
	if d.Digest == oci.EmptyDigest {
		if d.Size != 2 {
			w.wrongSize(d.Digest, "a descriptor gives another size of the empty config", "2", d.Size)
		}
		return // it is in every bundle, as the inventory's config
	}
	if d.Size < 0 {
		w.wrongSize(d.Digest, "a descriptor gives a negative size", "", d.Size)
		return
	}
	b := w.blobs[d.Digest]
	if b == nil {
		b = &Blob{Digest: d.Digest, Size: d.Size}
		w.blobs[d.Digest] = b
	}
	if b.Size != d.Size {
		w.wrongSize(d.Digest, "two descriptors of one blob give two sizes", fmt.Sprint(b.Size), d.Size)
	}
	if !slices.Contains(b.Roles, role) {
		b.Roles = append(b.Roles, role)
	}
}

func (w *walker) wrongSize(d oci.Digest, detail, want string, got int64) {
	w.faults.add(&check.Fault{ID: check.ManifestSize, Subject: string(d), Detail: detail,
		Expected: want, Found: fmt.Sprint(got)})
}

// manifest returns the parsed document that d points at, nil if it cannot be used.
// It reports the faults of a document once.
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

// parts records the config and the layers of a manifest. Layers of evidence have
// roles that depend on their type and size.
func (w *walker) parts(d oci.Digest, m *oci.Manifest, layerRole Role) {
	key := part{d, layerRole}
	if w.noted[key] {
		return
	}
	w.noted[key] = true
	w.blob(m.Config, RoleConfig)
	for _, l := range m.Layers {
		if layerRole == RoleLayer && l.Foreign() {
			w.foreign[l.Digest] = true
			if w.absent[l.Digest] {
				w.leaveOut(d, l.Digest)
				continue
			}
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

// carried adds the platform of a manifest: that of the index or, where it gives none,
// that of the config.
func (w *walker) carried(g *ImageGraph, n TreeNode, m *oci.Manifest) {
	if !m.HasImageConfig() {
		return
	}
	p := n.Platform
	if p == nil {
		p = w.configured(m.Config.Digest)
	}
	if p == nil || p.IsUnknown() && n.Platform != nil {
		return
	}
	g.Carried = append(g.Carried, p.String())
	g.Runnable = append(g.Runnable, *p)
}

// configured returns the platform that a config names, nil if it names none.
func (w *walker) configured(d oci.Digest) *oci.Platform {
	c, _ := w.Config(d)
	if c == nil || c.OS == "" {
		return nil
	}
	p := c.Platform()
	return &p
}

// PlatformName returns os/architecture[/variant] for a message, or "unknown
// platform" if p is nil.
func PlatformName(p *oci.Platform) string {
	if p == nil {
		return "unknown platform"
	}
	return p.String()
}
