package oracle

import (
	"encoding/json"
	"fmt"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/trust"
)

// Read reads a Sigstore bundle as evidence, as if a registry held it: as the only
// layer of a referrer of subject. The media type of the layer is the one that the
// bundle names. artifact has the digest subject; it may be nil if the bundle has
// an envelope, which names its subject only by digest.
func Read(bundle []byte, subject oci.Digest, artifact []byte) evidence.Evidence {
	var named struct {
		MediaType string `json:"mediaType"`
	}
	_ = json.Unmarshal(bundle, &named) // what is not JSON has no media type, and is refused for that
	manifest := referrer(named.MediaType, bundle, subject, int64(len(artifact)))
	blobs := map[oci.Digest][]byte{
		oci.FromBytes(manifest): manifest,
		oci.FromBytes(bundle):   bundle,
	}
	if artifact != nil {
		blobs[oci.FromBytes(artifact)] = artifact
	}
	return evidence.ReadReferrer(oci.FromBytes(manifest), subject, func(d oci.Digest) []byte { return blobs[d] })[0]
}

// referrer returns the manifest with which cosign would store the bundle.
func referrer(mediaType string, bundle []byte, subject oci.Digest, size int64) []byte {
	type descriptor struct {
		MediaType string     `json:"mediaType"`
		Size      int64      `json:"size"`
		Digest    oci.Digest `json:"digest"`
	}
	raw, err := json.Marshal(struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        descriptor   `json:"config"`
		Layers        []descriptor `json:"layers"`
		Subject       descriptor   `json:"subject"`
		ArtifactType  string       `json:"artifactType"`
	}{
		2, oci.TypeManifest, descriptor{oci.TypeEmpty, 2, oci.EmptyDigest},
		[]descriptor{{mediaType, int64(len(bundle)), oci.FromBytes(bundle)}},
		descriptor{oci.TypeManifest, size, subject}, mediaType,
	})
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	return raw
}

// Anchors returns options with the anchors of a trusted root that demand either a
// public key, given as PEM, or an identity. It returns an error of package trust
// or cert, or an error if not exactly one of the two was given.
func Anchors(root *trust.Root, key []byte, identity *cert.Policy) (verify.Options, error) {
	opt := verify.Options{Tool: verify.Tool{Name: "gapseal", Version: "oracle"}}
	opt.TrustRoot(root)
	switch {
	case (key == nil) == (identity == nil):
		return opt, fmt.Errorf("want either a public key or an identity")
	case identity != nil:
		opt.Identities = []*cert.Policy{identity}
		return opt, identity.Validate()
	}
	k, err := trust.ParseKey(key)
	if err == nil {
		opt.Keys = []*trust.Key{k}
	}
	return opt, err
}
