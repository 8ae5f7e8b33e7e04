package bundle

import (
	"github.com/gapseal/gapseal/internal/strictjson"
	"github.com/gapseal/gapseal/oci"
)

var emptyConfig = []byte("{}")

type artifactManifest struct {
	SchemaVersion int              `json:"schemaVersion"`
	MediaType     string           `json:"mediaType"`
	ArtifactType  string           `json:"artifactType"`
	Config        oci.Descriptor   `json:"config"`
	Layers        []oci.Descriptor `json:"layers"`
}

// artifact returns the only valid manifest for a blob of the bundle's own: the
// empty config and one layer.
func artifact(artifactType, layerType string, blob []byte) ([]byte, error) {
	return strictjson.Marshal(&artifactManifest{
		SchemaVersion: 2, MediaType: oci.TypeManifest, ArtifactType: artifactType,
		Config: oci.Descriptor{MediaType: oci.TypeEmpty, Digest: oci.EmptyDigest, Size: int64(len(emptyConfig))},
		Layers: []oci.Descriptor{describe(layerType, blob)},
	})
}

// KeyArtifact returns the manifest that carries a public key, given in PEM.
func KeyArtifact(pem []byte) ([]byte, error) { return artifact(TypeKeyArtifact, TypeKey, pem) }

func inventoryArtifact(blob []byte) ([]byte, error) {
	return artifact(TypeInventory, TypeInventory, blob)
}

func describe(mediaType string, blob []byte) oci.Descriptor {
	return oci.Descriptor{MediaType: mediaType, Digest: oci.FromBytes(blob), Size: int64(len(blob))}
}

func inventoryEntry(manifest []byte) oci.Descriptor {
	d := describe(oci.TypeManifest, manifest)
	d.ArtifactType = TypeInventory
	return d
}
