package oci

import "strings"

// Media types of documents that gapseal reads.
const (
	TypeIndex          = "application/vnd.oci.image.index.v1+json"
	TypeManifest       = "application/vnd.oci.image.manifest.v1+json"
	TypeConfig         = "application/vnd.oci.image.config.v1+json"
	TypeEmpty          = "application/vnd.oci.empty.v1+json"
	TypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
	TypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	TypeDockerConfig   = "application/vnd.docker.container.image.v1+json"

	TypeSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	TypeDSSE          = "application/vnd.dsse.envelope.v1+json"
	TypeInToto        = "application/vnd.in-toto+json"
)

// IsIndex reports whether a media type is that of an index or manifest list.
func IsIndex(mediaType string) bool {
	return mediaType == TypeIndex || mediaType == TypeDockerList
}

// IsManifest reports whether a media type is that of an image manifest.
func IsManifest(mediaType string) bool {
	return mediaType == TypeManifest || mediaType == TypeDockerManifest
}

func isImageConfig(mediaType string) bool {
	return strings.EqualFold(mediaType, TypeConfig) || strings.EqualFold(mediaType, TypeDockerConfig)
}

// couldRun reports whether a layer type names something that a runtime, a
// package manager or a loader would unpack or execute. It errs on the side of
// yes: what it calls runnable needs a signature of its own.
func couldRun(mediaType string) bool {
	for _, mark := range []string{"tar", "zip", "layer", "rootfs", "wasm", "gguf", "plugin", "exec"} {
		if strings.Contains(strings.ToLower(mediaType), mark) {
			return true
		}
	}
	return false
}

// Kind says what a piece of evidence is, by how it is stored.
type Kind string

// The kinds of evidence an inventory can name.
const (
	KindSignature   Kind = "cosign-signature"
	KindAttestation Kind = "cosign-attestation"
	KindSBOM        Kind = "sbom"
	KindBundle      Kind = "sigstore-bundle"
	KindInToto      Kind = "in-toto"
	KindNotation    Kind = "notation-signature"
	KindReferrer    Kind = "referrer" // evidence of a type this version does not know
)

// evidenceLayers is the closed table of layer types that are evidence and
// could not be run.
var evidenceLayers = map[string]Kind{
	TypeSimpleSigning: KindSignature,
	TypeDSSE:          KindAttestation,
	TypeInToto:        KindInToto,

	"application/vnd.dev.sigstore.bundle.v0.3+json":        KindBundle,
	"application/vnd.dev.sigstore.bundle+json;version=0.3": KindBundle,
	"application/vnd.dev.sigstore.bundle+json;version=0.2": KindBundle,
	"application/vnd.dev.sigstore.bundle+json;version=0.1": KindBundle,

	"text/spdx":                      KindSBOM,
	"text/spdx+xml":                  KindSBOM,
	"text/spdx+json":                 KindSBOM,
	"application/spdx+json":          KindSBOM,
	"application/vnd.cyclonedx":      KindSBOM,
	"application/vnd.cyclonedx+xml":  KindSBOM,
	"application/vnd.cyclonedx+json": KindSBOM,
	"application/vnd.syft+json":      KindSBOM,

	"application/jose+json": KindNotation,
	"application/cose":      KindNotation,
}
