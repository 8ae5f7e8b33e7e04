package bundle

import (
	"cmp"
	"maps"
	"slices"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// candidate is a piece of evidence that was found and can be carried. Which of them
// are is decided when all were found: anyone who may push to a repository can hang
// more on an image than the budgets allow, and that must not displace what counts.
type candidate struct {
	walk   *evidenceWalk
	ev     Evidence
	parts  []oci.Descriptor // its config and layers, by digest and size
	repo   string
	left   LeftOut      // if it gives way; zero for an attestation that stays a child of the index
	parent *candidate   // what it is about, nil for a part of the image
	about  []*candidate // evidence about it
	blobs  []oci.Digest // in memory for its sake
	cost   EvidenceCost
	weight int64 // its cost, or that of what it is about if that is more
	rank   int   // by its kind, in the same way
	asked  bool
	good   bool // it verifies, or something about it does
	gone   bool
}

// costSignature is the weight of a signature, in bytes of evidence.
const costSignature = 4 << 10

// add adds a candidate whose blobs were fetched, and makes room if there is too little.
func (w *evidenceWalk) add(c *candidate, m *oci.Manifest) error {
	for _, d := range append([]oci.Descriptor{m.Config}, m.Layers...) {
		c.parts = append(c.parts, oci.Descriptor{Digest: d.Digest, Size: d.Size})
	}
	c.cost = CostOf(c.ev, m, w.meta)
	if c.ev.Kind == oci.KindBundle && len(m.Layers) == 1 {
		c.cost.Further = w.furtherIn(m.Layers[0].Digest)
	}
	c.weight = c.cost.Bytes + costSignature*(c.cost.Signatures+c.cost.Further)
	c.rank = rank(c.ev.Kind)
	if c.parent = w.by[c.ev.Subject]; c.parent != nil { // which is kept before what is about it
		c.parent.about = append(c.parent.about, c)
		c.weight, c.rank = max(c.weight, c.parent.weight), max(c.rank, c.parent.rank)
	}
	w.share(c)
	w.candidates = append(w.candidates, c)
	w.by[c.ev.Digest] = c
	for w.held > w.room() || int64(len(w.sizes)) > w.req.Limits.Entries {
		if !w.makeRoom(c) {
			break
		}
	}
	if c.gone || c.parent != nil && c.parent.gone {
		w.drop(c)
		w.forget()
		return &check.Fault{ID: check.LimitMetadata, Subject: string(c.ev.Digest), Detail: "evidence of all images"}
	}
	return nil
}

// furtherIn is [furtherAtMost] of a blob, which is read once however often it is listed.
func (c *collector) furtherIn(d oci.Digest) int64 {
	n, known := c.further[d]
	if !known {
		n = furtherAtMost(c.meta[d])
		c.further[d] = n
	}
	return n
}

// share notes which blobs are there for a candidate's sake, and their sizes. Those that
// belong to an image stay in any case.
func (c *collector) share(of *candidate) {
	seen := map[oci.Digest]bool{}
	for _, d := range append([]oci.Descriptor{of.ev.Descriptor()}, of.parts...) {
		_, known := c.sizes[d.Digest]
		if seen[d.Digest] || known && c.shared[d.Digest] == 0 && !slices.Contains(c.added, d.Digest) {
			continue
		}
		seen[d.Digest] = true
		c.shared[d.Digest]++
		c.sizes[d.Digest] = d.Size
		of.blobs = append(of.blobs, d.Digest)
	}
}

// drop gives a candidate up, and what is about it.
func (c *collector) drop(of *candidate) {
	if of.gone {
		return
	}
	of.gone = true
	for _, d := range of.blobs {
		if c.shared[d]--; c.shared[d] == 0 {
			delete(c.shared, d)
			delete(c.sizes, d)
			if size, ok := c.fixed[d]; ok {
				c.sizes[d] = size
			}
			c.held -= int64(len(c.meta[d]))
			delete(c.meta, d)
		}
	}
	for _, o := range of.about {
		c.drop(o)
	}
}

// room is how many bytes of metadata may be held.
func (c *collector) room() int64 { return c.req.Limits.Metadata - c.spare }

// makeRoom drops the candidate that gives way first. It returns false if there is none.
// That the newest was left out is listed by the caller.
func (c *collector) makeRoom(newest *candidate) bool {
	c.ask()
	var first *candidate
	for _, o := range c.candidates {
		if !o.gone && len(o.blobs) > 0 && (first == nil || compareCandidates(o, first) >= 0) {
			first = o
		}
	}
	if first == nil {
		return false
	}
	c.drop(first)
	if first != newest {
		c.left(first)
	}
	c.forget()
	return true
}

// left lists a candidate that gave way as left out.
func (c *collector) left(of *candidate) {
	if of.left.Subject == "" {
		return
	}
	l := of.left
	l.Reason = ReasonOverBudget
	of.walk.leave(l)
}

// compareCandidates orders candidates by which is kept first: what verifies, then what
// costs less, then signatures.
func compareCandidates(a, b *candidate) int {
	if a.good != b.good {
		if a.good {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(a.rank, b.rank))
}

func rank(k oci.Kind) int {
	switch k {
	case oci.KindSignature, oci.KindBundle:
		return 0
	case oci.KindAttestation, oci.KindInToto:
		return 1
	}
	return 2
}

// ask finds out which candidates verify, as far as the budget for bytes that are judged
// allows, and with the lightest first.
func (c *collector) ask() {
	if c.req.Vouches == nil {
		return
	}
	list := slices.DeleteFunc(slices.Clone(c.candidates), func(o *candidate) bool { return o.asked })
	slices.SortStableFunc(list, compareCandidates)
	for _, o := range list {
		o.asked = true
		o.walk.judged += o.cost.Bytes
		ref, err := oci.ParseReference(o.walk.img.Reference)
		if err == nil && o.ev.Kind.Judged() && o.walk.judged <= maxListed*c.req.Limits.Metadata {
			o.good = c.req.Vouches(ref, o.ev, c.meta)
		}
	}
	c.spread()
}

// spread marks what evidence that verifies is about as good, too: without it, nothing
// shows what was signed.
func (c *collector) spread() {
	for again := true; again; {
		again = false
		for _, o := range c.candidates {
			o.good = o.good || o.walk.signed[o.ev.Digest]
			if o.good && !o.walk.signed[o.ev.Subject] {
				o.walk.signed[o.ev.Subject], again = true, true
			}
		}
	}
}

// choose decides which candidates are carried, as far as the budgets of package verify
// allow, and lists the others as left out.
func (c *collector) choose() {
	if !c.allFit() {
		c.ask()
	}
	slices.SortStableFunc(c.candidates, compareCandidates)
	budget := c.newChoice()
	for _, o := range c.candidates {
		if !o.gone && !budget.fits(o) { // it is gone if what it is about was left out
			c.drop(o)
			c.left(o)
		}
	}
	c.forget()
}

// shrink drops some of the candidates that were chosen, since the bundle's own documents
// list each of them and have budgets, too. For the sake of a seal that may be added it
// drops only what does not verify. It returns false if there is nothing to drop.
func (c *collector) shrink(forSeal bool) bool {
	c.ask()
	slices.SortStableFunc(c.candidates, compareCandidates)
	list := c.candidates
	if forSeal {
		if c.req.Vouches == nil {
			return false
		}
		good := slices.IndexFunc(list, func(o *candidate) bool { return !o.good })
		if good < 0 {
			return false
		}
		list = list[good:]
	}
	n := len(list)
	for _, o := range slices.Backward(list[n*3/4:]) {
		if !o.gone {
			c.drop(o)
			c.left(o)
		}
	}
	c.forget()
	return n > 0
}

// forget removes the candidates that are gone.
func (c *collector) forget() {
	c.candidates = slices.DeleteFunc(c.candidates, func(o *candidate) bool { return o.gone })
}

// list lists the candidates that are left as evidence of their images.
func (c *collector) list(trees []*treeWalk) {
	for _, t := range trees {
		t.img.Evidence, t.img.LeftOut = []Evidence{}, nil
	}
	carried := maps.Clone(c.home)
	for _, o := range c.candidates {
		o.walk.img.Evidence = append(o.walk.img.Evidence, o.ev)
		for _, d := range o.parts {
			if carried[d.Digest] == "" {
				carried[d.Digest] = o.repo
			}
		}
	}
	for _, t := range trees {
		t.left.list(carried, t.nodes)
	}
	c.carried = carried
}

func (c *collector) allFit() bool {
	budget := c.newChoice()
	return !slices.ContainsFunc(c.candidates, func(o *candidate) bool { return !budget.fits(o) })
}

// A choice counts the evidence that is chosen.
type choice struct {
	budget *EvidenceBudget
	images map[*evidenceWalk]int
	parts  map[*evidenceWalk]int64 // of evidence of any kind, for the inventory's sake
	most   int64
}

func (c *collector) newChoice() *choice {
	return &choice{NewEvidenceBudget(c.req.Limits), map[*evidenceWalk]int{}, map[*evidenceWalk]int64{},
		c.req.Limits.Signatures}
}

func (b *choice) fits(o *candidate) bool {
	if _, ok := b.images[o.walk]; !ok {
		b.images[o.walk] = len(b.images)
	}
	n := max(o.cost.Signatures, 1)
	if b.parts[o.walk]+n > b.most {
		return false
	}
	if o.ev.Kind.Judged() && b.budget.Spend(b.images[o.walk], o.ev.Subject, o.cost) != nil {
		return false
	}
	b.parts[o.walk] += n
	return true
}
