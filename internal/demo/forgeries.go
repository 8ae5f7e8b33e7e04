package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// A forgery changes a good bundle in one thing.
type forgery struct {
	title, file, key string
	class            string // of the check that must say so
	forge            func(good []byte) []byte
}

var forgeries = []forgery{
	{"One byte of a layer is flipped, as a bad medium would.", "flipped.tar", "cosign.pub", "blob", flipLayer},
	{"One byte is appended after the end of the archive.", "stray.tar", "cosign.pub", "container", func(b []byte) []byte { return append(slices.Clone(b), 'x') }},
	{"The right bundle is verified with the wrong key.", "app.tar", "other.pub", "trust", func(b []byte) []byte { return b }},
	{"An unsigned image is dressed up as evidence, and everything is re-hashed.", "smuggled.tar", "cosign.pub", "policy", smuggle},
}

// flipLayer changes the first byte of the last layer, which stands last in the
// file.
func flipLayer(good []byte) []byte {
	files := fixture.Files(good)
	layer := files[len(files)-1].Data
	forged := slices.Clone(good)
	forged[bytes.LastIndex(good, layer)] ^= 1
	return forged
}

// smuggle adds an image that claims to refer to the signed one.
func smuggle(good []byte) []byte {
	f := fixture.Open(good)
	img := &f.Inventory.Images[0]
	blob := func(mediaType, content string) oci.Descriptor {
		return oci.Descriptor{MediaType: mediaType, Digest: f.Add([]byte(content)), Size: int64(len(content))}
	}
	subject := img.Descriptor()
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": oci.TypeManifest, "artifactType": "application/vnd.example.report", "subject": subject,
		"config": blob(oci.TypeConfig, `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`),
		"layers": []oci.Descriptor{blob("application/vnd.oci.image.layer.v1.tar", "anything at all")},
	})
	if err != nil {
		panic(err)
	}
	d := f.Add(manifest)
	img.Evidence = append(img.Evidence, bundle.Evidence{Kind: oci.KindReferrer, Subject: img.Digest, Node: bundle.Node{MediaType: oci.TypeManifest, Digest: d, Size: int64(len(manifest))}})
	return f.Build()
}
