package bundle

import (
	"cmp"
	"slices"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// kindOrder puts signatures before attestations before the rest: cosign reads
// the first signatures it meets.
var kindOrder = map[oci.Kind]int{oci.KindSignature: -3, oci.KindAttestation: -2, oci.KindSBOM: -1}

// orderEvidence returns evidence in canonical order: for the root and then for
// each child, what speaks for it by kind and digest, each piece followed by what
// speaks for that piece, and none twice. Evidence whose subject is not reached
// is left out; tooDeep tells if some was for its depth.
func orderEvidence(tree []TreeNode, all []Evidence, depth int64) (ordered []Evidence, tooDeep bool) {
	o := &ordering{bySubject: make(map[oci.Digest][]Evidence), done: make(map[oci.Digest]bool), ordered: []Evidence{}}
	for _, ev := range all {
		o.bySubject[ev.Subject] = append(o.bySubject[ev.Subject], ev)
	}
	for _, n := range tree {
		o.visit(n.Digest, depth)
	}
	return o.ordered, o.tooDeep
}

type ordering struct {
	bySubject map[oci.Digest][]Evidence
	done      map[oci.Digest]bool
	ordered   []Evidence
	tooDeep   bool
}

func (o *ordering) visit(subject oci.Digest, depth int64) {
	evs := o.bySubject[subject]
	if o.done[subject] || len(evs) == 0 {
		return
	}
	if depth == 0 {
		o.tooDeep = true
		return
	}
	o.done[subject] = true
	slices.SortFunc(evs, compareEvidence)
	for _, ev := range slices.Compact(evs) {
		o.ordered = append(o.ordered, ev)
		o.visit(ev.Digest, depth-1)
	}
}

func compareEvidence(a, b Evidence) int {
	return cmp.Or(cmp.Compare(kindOrder[a.Kind], kindOrder[b.Kind]), cmp.Compare(a.Digest, b.Digest),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.MediaType, b.MediaType), cmp.Compare(a.Size, b.Size))
}

// Annotations of index.json, as containerd, skopeo, podman and cosign read them.
const (
	AnnotationRefName    = "org.opencontainers.image.ref.name"
	AnnotationContainerd = "io.containerd.image.name"
	AnnotationKind       = "kind"

	kindImage  = "dev.cosignproject.cosign/image"
	kindIndex  = "dev.cosignproject.cosign/imageIndex"
	kindSigs   = "dev.cosignproject.cosign/sigs"
	kindAtts   = "dev.cosignproject.cosign/atts"
	layoutFile = `{"imageLayoutVersion":"1.0.0"}`
)

type index struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType"`
	Manifests     []oci.Descriptor `json:"manifests"`
}

// indexJSON derives index.json: it is a pure function of the inventory and of
// the descriptors of the bundle's own: the inventory and, behind it, the seal.
func indexJSON(inv *Inventory, own ...oci.Descriptor) ([]byte, error) {
	ix := index{SchemaVersion: 2, MediaType: oci.TypeIndex}
	listed := make(map[oci.Digest]bool)
	for _, img := range inv.Images {
		ix.Manifests = append(ix.Manifests, imageEntry(img))
		for _, ev := range img.Evidence {
			if !listed[ev.Digest] {
				listed[ev.Digest] = true
				ix.Manifests = append(ix.Manifests, evidenceEntry(ev))
			}
		}
	}
	for _, k := range inv.Keys {
		d := k.Descriptor()
		d.ArtifactType = TypeKeyArtifact
		ix.Manifests = append(ix.Manifests, d)
	}
	ix.Manifests = append(ix.Manifests, own...)
	return strict.Marshal(&ix)
}

func imageEntry(img Image) oci.Descriptor {
	d := img.Descriptor()
	kind := kindImage
	if oci.IsIndex(img.MediaType) {
		kind = kindIndex
	}
	d.Annotations = map[string]string{
		AnnotationRefName: img.Reference, AnnotationContainerd: img.Reference, AnnotationKind: kind,
	}
	return d
}

func evidenceEntry(ev Evidence) oci.Descriptor {
	d := ev.Descriptor()
	switch ev.Kind {
	case oci.KindSignature:
		d.Annotations = map[string]string{AnnotationKind: kindSigs}
	case oci.KindAttestation:
		d.Annotations = map[string]string{AnnotationKind: kindAtts}
	}
	return d
}
