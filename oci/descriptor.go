package oci

import (
	"errors"
	"strings"
)

// ErrNotFound reports that a source does not hold a manifest, blob or tag.
var ErrNotFound = errors.New("not found")

// ErrDenied reports that a source refuses an answer, and would refuse it another time:
// 401, 403, or another status of a registry that says neither that something exists nor
// that it does not. Many registries answer so for what does not exist.
var ErrDenied = errors.New("the registry would not say")

// ErrNoManifest reports an answer in the place of a manifest that is none: a page of
// a web server, or nothing.
var ErrNoManifest = errors.New("not a manifest")

// ErrMismatch reports that a source sent other content than was requested: a
// manifest with another digest, or a blob of another size.
var ErrMismatch = errors.New("not the content that was requested")

// ErrNoList reports an answer in the place of a list of referrers that is no such
// list: a page, another document, or the subject itself.
var ErrNoList = errors.New("not a list of referrers")

// Descriptor points at a blob, as the OCI image specification defines it. Size is
// in bytes.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       Digest            `json:"digest"`
	Size         int64             `json:"size"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Platform     *Platform         `json:"platform,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	URLs         []string          `json:"urls,omitempty"`
	Data         []byte            `json:"data,omitempty"`
}

// Foreign reports whether d describes a layer that its publisher may not pass on,
// so that a registry may hold it or not: one with urls, or of a type that is not
// distributable (the base layers of Windows).
func (d Descriptor) Foreign() bool {
	mediaType := strings.ToLower(d.MediaType)
	return len(d.URLs) > 0 ||
		strings.Contains(mediaType, ".foreign.") || strings.Contains(mediaType, ".nondistributable.")
}

// Annotations by which BuildKit marks an attestation among the children of an
// index, and names the child that it is about.
const (
	annotationReferenceType   = "vnd.docker.reference.type"
	annotationReferenceDigest = "vnd.docker.reference.digest"
	attestationManifest       = "attestation-manifest"
)

// AttestationOf returns the digest of the child that an attestation is about, for a
// child of an index that is marked as BuildKit's attestation manifests are. ok is
// false for every other child, and for one with a platform on which it could run.
func (d Descriptor) AttestationOf() (about Digest, ok bool) {
	runs := d.Platform != nil && !d.Platform.IsUnknown()
	if runs || IsIndex(d.MediaType) || d.Annotations[annotationReferenceType] != attestationManifest {
		return "", false
	}
	return Digest(d.Annotations[annotationReferenceDigest]), true
}

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

// couldRun reports whether a layer type names something that a runtime, a package
// manager or a loader would unpack or execute. If in doubt the answer is yes: what
// could be run needs a signature of its own.
func couldRun(mediaType string) bool {
	for _, mark := range []string{"tar", "zip", "layer", "rootfs", "wasm", "gguf", "plugin", "exec"} {
		if strings.Contains(strings.ToLower(mediaType), mark) {
			return true
		}
	}
	return false
}

// Kind is the kind of a piece of evidence, by the form in which it is stored.
type Kind string

// The kinds of evidence an inventory can name.
const (
	KindSignature   Kind = "cosign-signature"
	KindAttestation Kind = "cosign-attestation"
	KindSBOM        Kind = "sbom"
	KindBundle      Kind = "sigstore-bundle"
	KindInToto      Kind = "in-toto"
	KindNotation    Kind = "notation-signature"
	KindReferrer    Kind = "referrer" // evidence of a type that this version does not know
)

// Judged reports whether evidence of this kind is judged, and not only carried.
func (k Kind) Judged() bool {
	return k == KindSignature || k == KindBundle || k == KindAttestation || k == KindInToto
}

// evidenceLayers is the closed table of the layer types that are evidence and
// cannot be run.
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
