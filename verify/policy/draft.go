package policy

import (
	"slices"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

// Draft returns a policy file for the images that a bundle claims to hold, for
// a person to complete. Nothing in it is an anchor: who may sign is left open,
// and no digest or key of the bundle is in it. Where an image comes with no
// signature, vouch lists what it comes with instead. [Parse] refuses the file until
// its line "draft" is removed.
func Draft(c *bundle.Contents) []byte {
	var b strings.Builder
	b.WriteString(`# A draft, made from what a bundle claims to hold. Nothing in it was verified.
# Review each line, fill in who may sign, then remove the line "draft".
schema: ` + Schema + `
draft: true
name: to be named
images:
`)
	d := newDrafter(c)
	sender := false
	for _, repo := range d.repositories {
		b.WriteString("  - match: " + strconv.Quote(repo) + "\n")
		b.WriteString("    required: true\n")
		ways := d.ways(repo)
		sender = writeVouch(&b, ways) || sender
		writePlatforms(&b, d.images[repo][0].Platforms)
	}
	if sender {
		b.WriteString(`# What the sender vouches for needs the key of the sender's seal, obtained out of band.
# seal: {keys: [{file: sender.pub}]}
`)
	}
	b.WriteString(`unlisted: refuse
rollback: warn
# If each transfer has a record, name what it must say; verify then needs --transfer.
# transfer: {required: [id, reason, operator]}
`)
	return []byte(b.String())
}

// way is one element of vouch: a kind as policies write it, with the predicate type of
// an attestation.
type way struct{ kind, of string }

func (w way) String() string {
	if w.of == "" {
		return w.kind
	}
	return "{" + w.kind + ": " + strconv.Quote(w.of) + "}"
}

// writeVouch writes what vouches for the images of a rule, and where to name who may
// sign. It reports whether the sender does.
func writeVouch(b *strings.Builder, ways []way) (sender bool) {
	sender = slices.Contains(ways, way{kind: "sender"})
	if !sender || len(ways) > 1 {
		b.WriteString(`    # Who may sign it. Obtain the key or the identity out of band, not from the
    # bundle.
    # keys: [{file: publisher.pub}]
    # identities: [{identity: …, issuer: …}]
`)
	}
	if slices.Equal(ways, []way{{kind: "signature"}}) {
		return false // which is the default
	}
	b.WriteString(`    # In this bundle, an image of it has no signature of its own. This is what it has
    # instead: keep only what its publisher says to rely on.
`)
	if sender {
		b.WriteString(`    # The sender vouches only for digests that you chose, from a lock or from here.
    # digests: ["sha256:…"]
`)
	}
	list := make([]string, len(ways))
	for i, w := range ways {
		list[i] = w.String()
	}
	b.WriteString("    vouch: [" + strings.Join(list, ", ") + "]\n")
	return sender
}

func writePlatforms(b *strings.Builder, platforms []string) {
	if len(platforms) == 0 {
		return
	}
	quoted := make([]string, len(platforms))
	for i, p := range platforms {
		quoted[i] = strconv.Quote(p)
	}
	b.WriteString("    platforms: [" + strings.Join(quoted, ", ") + "]\n")
}

// drafter finds out what the images of a bundle come with. It verifies nothing.
type drafter struct {
	*bundle.Contents
	graph        *bundle.Graph
	repositories []string // in the order of the inventory
	images       map[string][]*bundle.ImageGraph
	evidence     map[oci.Digest][]bundle.Evidence // of the image that is looked at, by subject
	left         int64                            // bytes of evidence that may still be decoded
}

func newDrafter(c *bundle.Contents) *drafter {
	d := &drafter{Contents: c, graph: c.Walk(), images: map[string][]*bundle.ImageGraph{}}
	d.left = c.Limits.WithDefaults().Metadata
	for i := range d.graph.Images {
		g := &d.graph.Images[i]
		ref, err := oci.ParseReference(g.Reference)
		if err != nil {
			continue
		}
		if d.images[ref.Repository] == nil {
			d.repositories = append(d.repositories, ref.Repository)
		}
		d.images[ref.Repository] = append(d.images[ref.Repository], g)
	}
	return d
}

// ways lists what could vouch for the images of a repository: a signature first, then
// attestations, and the sender last.
func (d *drafter) ways(repo string) (all []way) {
	for _, g := range d.images[repo] {
		for _, w := range d.image(g) {
			if !slices.Contains(all, w) {
				all = append(all, w)
			}
		}
	}
	rank := func(w way) int {
		return slices.IndexFunc(vouchKinds, func(k vouchKind) bool { return k.name == w.kind })
	}
	slices.SortStableFunc(all, func(a, b way) int { return rank(a) - rank(b) })
	return all
}

// image returns what could vouch for an image: its signature, or else attestations
// about it, or else about each of its platforms, or else the sender.
func (d *drafter) image(g *bundle.ImageGraph) []way {
	d.evidence = map[oci.Digest][]bundle.Evidence{}
	for _, ev := range g.Evidence {
		d.evidence[ev.Subject] = append(d.evidence[ev.Subject], ev)
	}
	signed, types := d.about(g.Digest)
	if signed {
		return []way{{kind: "signature"}}
	}
	kind := "attestation"
	if len(types) == 0 {
		kind, types = "platformAttestation", d.ofPlatforms(g)
	}
	if len(types) == 0 {
		return []way{{kind: "sender"}}
	}
	list := make([]way, len(types))
	for i, t := range types {
		list[i] = way{kind, t}
	}
	return list
}

// ofPlatforms lists the types of signed attestations that each platform has.
func (d *drafter) ofPlatforms(g *bundle.ImageGraph) (common []string) {
	first := true
	for _, n := range g.Tree {
		if !d.graph.Runs(n) {
			continue
		}
		types := d.ofPlatform(n.Digest)
		if first {
			common, first = types, false
			continue
		}
		common = slices.DeleteFunc(common, func(t string) bool { return !slices.Contains(types, t) })
	}
	return common
}

// ofPlatform lists the types of the attestations about a platform that are signed, or
// whose manifest is.
func (d *drafter) ofPlatform(platform oci.Digest) []string {
	_, types := d.about(platform)
	for _, ev := range d.evidence[platform] {
		if ev.Kind != oci.KindInToto {
			continue
		}
		if signed, _ := d.about(ev.Digest); signed {
			for _, e := range d.read(ev) {
				types = addType(types, &e)
			}
		}
	}
	slices.Sort(types)
	return types
}

// about reports whether a manifest has a signature, and lists the types of the signed
// attestations about it.
func (d *drafter) about(subject oci.Digest) (signed bool, types []string) {
	for _, ev := range d.evidence[subject] {
		for _, e := range d.read(ev) {
			switch {
			case e.IsSignature():
				signed = true
			case e.Message != nil:
				types = addType(types, &e)
			}
		}
	}
	slices.Sort(types)
	return signed, types
}

// addType adds the type of a statement that is about its subject.
func addType(types []string, e *evidence.Evidence) []string {
	if e.Statement == nil || slices.ContainsFunc(e.Problems, notAbout) {
		return types
	}
	t := e.Statement.PredicateType
	if _, ok := evidence.PredicateURI(t); !ok || len(t) > maxTypeText || slices.Contains(types, t) {
		return types
	}
	return append(types, t)
}

// maxTypeText bounds a type that is written into a draft, in bytes.
const maxTypeText = 256

func notAbout(f *check.Fault) bool { return f.ID == check.SignatureClaims }

// read reads a piece of evidence, within a budget for all of them.
func (d *drafter) read(ev bundle.Evidence) []evidence.Evidence {
	m := d.graph.Manifests[ev.Digest]
	if m == nil {
		return nil
	}
	d.left -= ev.Size
	for _, l := range m.Layers {
		d.left -= int64(len(d.Meta[l.Digest]))
	}
	if d.left < 0 {
		return nil
	}
	return evidence.Read(ev.Kind, ev.Digest, ev.Subject, d.blob)
}

func (d *drafter) blob(digest oci.Digest) []byte {
	if digest == oci.EmptyDigest {
		return []byte("{}")
	}
	return d.Meta[digest]
}
