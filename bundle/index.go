package bundle

import (
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// The annotations of index.json, as containerd, skopeo, podman and cosign read
// them.
const (
	annotationRefName    = "org.opencontainers.image.ref.name"
	annotationContainerd = "io.containerd.image.name"
	annotationKind       = "kind"

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

// indexJSON derives index.json from the inventory and from the descriptors of the
// bundle's own manifests: that of the inventory and, after it, that of the seal.
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
		annotationRefName: img.Reference, annotationContainerd: img.Reference, annotationKind: kind,
	}
	return d
}

func evidenceEntry(ev Evidence) oci.Descriptor {
	d := ev.Descriptor()
	switch ev.Kind {
	case oci.KindSignature:
		d.Annotations = map[string]string{annotationKind: kindSigs}
	case oci.KindAttestation:
		d.Annotations = map[string]string{annotationKind: kindAtts}
	}
	return d
}
