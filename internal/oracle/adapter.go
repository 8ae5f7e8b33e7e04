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

// Read returns a Sigstore bundle as the evidence it would be in a registry: the
// one layer of a referrer whose subject is subject, read by the same code. Its
// media type is the one that it names itself, since a file has no other.
// artifact is what subject is the digest of; it may be nil for an envelope, which
// names its subject by digest alone.
func Read(bundle []byte, subject oci.Digest, artifact []byte) evidence.Evidence {
	var named struct {
		MediaType string `json:"mediaType"`
	}
	_ = json.Unmarshal(bundle, &named) // what is no JSON names no type, and is refused as such
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

// referrer writes the manifest that cosign would have stored the bundle under.
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
		panic(err) // strings and numbers alone
	}
	return raw
}

// Anchors returns the options to judge by: all that a trusted root vouches for,
// and either the PEM of a public key or an identity. The error is that of package
// trust or cert, or says that not exactly one of the two was given.
func Anchors(root *trust.Root, key []byte, identity *cert.Policy) (verify.Options, error) {
	opt := verify.Options{
		Anchors: verify.Anchors{Logs: root.Logs, CAs: root.CAs, CTLogs: root.CTLogs, TSAs: root.TSAs},
		Tool:    verify.Tool{Name: "gapseal", Version: "oracle"},
	}
	switch {
	case (key == nil) == (identity == nil):
		return opt, fmt.Errorf("want a public key or an identity, one of the two")
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
