package verify_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// python writes JSON as Python's json.dumps does.
func python(raw []byte) []byte {
	text := strings.NewReplacer(`":`, `": `, `,"`, `, "`, `},{`, `}, {`).Replace(string(raw))
	return []byte(text)
}

// indented writes JSON over several lines, with a final newline, as protobuf's Java
// and JavaScript libraries and jq do.
func indented(raw []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		panic(err)
	}
	return append(b.Bytes(), '\n')
}

// wrapped breaks base64 after 76 columns, as base64(1) does.
func wrapped(s string) string {
	var b strings.Builder
	for len(s) > 76 {
		b.WriteString(s[:76] + "\n")
		s = s[76:]
	}
	return b.String() + s + "\n"
}

// withConfig gives the first evidence of the first image another config.
func withConfig(mediaType, text string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		d := f.Add([]byte(text))
		f.Edit(f.Inventory.Images[0].Evidence[0].Digest, func(s string) string {
			return strings.Replace(emptyConfig(s, d, len(text)), oci.TypeEmpty, mediaType, 1)
		})
	}
}

// Signatures in the spellings of the tools that publishers use.
func TestSpellingsOfTools(t *testing.T) {
	const gardener = "gardener.cloud container image signature"
	note := func(m map[string]string) { m["cloud.gardener/signed-by"] = "ci" }
	gardeners := fixture.Stages{Annotations: note, Manifest: python, Encode: wrapped, Payload: func(b []byte) []byte {
		return python(bytes.Replace(b, []byte("cosign container image signature"), []byte(gardener), 1))
	}}
	accept := func(o *verify.Options) { o.PayloadTypes = []string{gardener} }
	suse := func(m map[string]string) {
		m["org.open-build-service.intoto.predicatetype"] = "https://slsa.dev/provenance/v1"
	}
	threats(t, "signature", []threat{
		{name: "Gardener, in Python", signed: one(gardeners), opt: accept},
		{name: "Gardener, whose payload type is not accepted", signed: one(gardeners), want: "signature.claims"},
		{name: "SUSE's build service", signed: one(fixture.Stages{Annotations: suse})},
		{name: "sigstore-rs", forge: withConfig(oci.TypeConfig, "{}")},
		{name: "containers/image", forge: withConfig(oci.TypeConfig, `{"architecture":"amd64","os":"linux","author":"x","rootfs":{"type":"layers","diff_ids":[]}}`)},
		{name: "an artifact's config", forge: withConfig("application/vnd.example+json", "{ }\n")},
		{name: "a config that is no config", forge: withConfig(oci.TypeConfig, "\x7fELF"), want: "signature.encoding"},
		{name: "cosign attach signature", signed: encoded(wrapped)},
		{name: "cosign attach signature, on Windows", signed: encoded(func(s string) string { return strings.ReplaceAll(wrapped(s), "\n", "\r\n") })},
		{name: "a manifest over several lines", signed: one(fixture.Stages{Manifest: indented})},
		{name: "a Rekor bundle over several lines", signed: one(fixture.Stages{Bundle: indented})},
	})
	bundles := []modern{}
	for _, flavour := range []fixture.Flavour{{}, {Rekor2: true}, {Keyless: true}, {Message: true}} {
		for name, spell := range map[string]func([]byte) []byte{"sigstore-python": python, "sigstore-java, -js": indented} {
			bundles = append(bundles, modern{name: name, made: fixture.BundleStages{Flavour: flavour, Text: spell, Manifest: indented}})
		}
	}
	modernThreats(t, "signature", bundles)
}
