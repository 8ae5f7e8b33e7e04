package main

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// A forgery is a bundle that differs from a good one, or a verification with the
// wrong key.
type forgery struct {
	title, file, key string
	class            string // of the check that must fail first
	forge            func(good []byte) []byte
}

var forgeries = []forgery{
	{
		title: "One byte of a layer is changed, as a bad medium might do.",
		file:  "flipped.tar", key: "cosign.pub", class: "blob", forge: flipLayer,
	},
	{
		title: "One byte is appended after the end of the archive.",
		file:  "stray.tar", key: "cosign.pub", class: "container",
		forge: func(b []byte) []byte { return append(slices.Clone(b), 'x') },
	},
	{
		title: "The genuine bundle is verified with the wrong key.",
		file:  "app.tar", key: "other.pub", class: "trust",
		forge: func(b []byte) []byte { return b },
	},
	{
		title: "An unsigned image is disguised as evidence, and every digest is recomputed.",
		file:  "smuggled.tar", key: "cosign.pub", class: "policy", forge: smuggle,
	},
}

// flipLayer changes the first byte of the last layer, which is the last entry of
// the file.
func flipLayer(good []byte) []byte {
	files := fixture.Files(good)
	layer := files[len(files)-1].Data
	forged := slices.Clone(good)
	forged[bytes.LastIndex(good, layer)] ^= 1
	return forged
}

// smuggle adds an unsigned image as a referrer of the signed one.
func smuggle(good []byte) []byte {
	f := fixture.Open(good)
	img := &f.Inventory.Images[0]
	blob := func(mediaType, content string) oci.Descriptor {
		return oci.Descriptor{MediaType: mediaType, Digest: f.Add([]byte(content)), Size: int64(len(content))}
	}
	subject := img.Descriptor()
	const config = `{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}`
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": oci.TypeManifest,
		"artifactType": "application/vnd.example.report", "subject": subject,
		"config": blob(oci.TypeConfig, config),
		"layers": []oci.Descriptor{blob("application/vnd.oci.image.layer.v1.tar", "anything at all")},
	})
	if err != nil {
		panic(err)
	}
	node := bundle.Node{MediaType: oci.TypeManifest, Digest: f.Add(manifest), Size: int64(len(manifest))}
	evidence := bundle.Evidence{Kind: oci.KindReferrer, Subject: img.Digest, Node: node}
	img.Evidence = append(img.Evidence, evidence)
	return f.Build()
}
