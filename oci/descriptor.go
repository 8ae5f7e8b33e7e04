package oci

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/verify/check"
)

// ErrNotFound reports that a source does not hold a manifest, blob or tag.
var ErrNotFound = errors.New("not found")

// ErrDenied reports that a source refuses an answer: 401 or 403 of a registry. Many
// registries answer so for what does not exist, so it does not say that there is
// something.
var ErrDenied = errors.New("the registry would not say")

// ErrNoManifest reports an answer in the place of a manifest that is none: a page of
// a web server, or nothing.
var ErrNoManifest = errors.New("not a manifest")

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

// Platform is the system that an image runs on.
type Platform struct {
	Architecture string   `json:"architecture"`
	OS           string   `json:"os"`
	OSVersion    string   `json:"os.version,omitempty"`
	OSFeatures   []string `json:"os.features,omitempty"`
	Variant      string   `json:"variant,omitempty"`
	Features     []string `json:"features,omitempty"`
}

// Matches reports whether p is the platform that is wanted: the same system and
// architecture, and the same variant unless want names none.
func (p Platform) Matches(want Platform) bool {
	return p.OS == want.OS && p.Architecture == want.Architecture &&
		(want.Variant == "" || p.Variant == want.Variant)
}

// String returns os/architecture[/variant].
func (p Platform) String() string {
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}

// ParsePlatform reads os/architecture[/variant], such as linux/arm64/v8.
func ParsePlatform(s string) (Platform, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return Platform{}, fmt.Errorf("platform %q: want os/architecture[/variant], such as linux/amd64 or linux/arm64/v8",
			check.Clip(s))
	}
	p := Platform{OS: parts[0], Architecture: parts[1]}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return p, nil
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
