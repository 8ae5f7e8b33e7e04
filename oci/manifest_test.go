package oci_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

const (
	hexA  = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	good  = `{"mediaType":"application/x","digest":"sha256:` + hexA + `","size":1}`
	layer = "application/vnd.oci.image.layer.v1.tar"
)

func manifest(members string) string {
	return `{"schemaVersion":2,"mediaType":"` + oci.TypeManifest + `",` + members + `}`
}

func TestParseManifest(t *testing.T) {
	descriptor := func(member string) string { return strings.Replace(good, `"size":1`, `"size":1,`+member, 1) }
	digest := func(d string) string { return strings.Replace(good, "sha256:"+hexA, d, 1) }
	type ids = []check.ID
	for name, c := range map[string]struct {
		raw, mediaType string
		want           ids
		usable         bool
	}{
		"manifest":                {manifest(`"config":` + good + `,"layers":[]`), oci.TypeManifest, nil, true},
		"artifact without layers": {manifest(`"config":` + good), oci.TypeManifest, nil, true},
		"index": {`{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `","manifests":[` + good +
			`]}`, oci.TypeIndex, nil, true},
		"no media type": {`{"schemaVersion":2,"config":` + good + `}`, oci.TypeManifest,
			ids{check.ManifestMediaType}, true},
		"no media type, Docker's": {`{"schemaVersion":2,"config":` + good + `}`, oci.TypeDockerManifest,
			ids{check.ManifestMediaType}, false},
		"another media type": {manifest(`"config":` + good), oci.TypeDockerManifest, ids{check.ManifestMediaType},
			false},
		"a foreign media type":   {manifest(`"config":` + good), "text/plain", ids{check.ManifestMediaType}, false},
		"a manifest as an index": {manifest(`"config":` + good), oci.TypeIndex, ids{check.ManifestMediaType}, false},
		"both": {manifest(`"config":` + good + `,"manifests":[]`), oci.TypeManifest,
			ids{check.ManifestMediaType}, false},
		"neither": {manifest(`"layers":null`), oci.TypeManifest, ids{check.ManifestMediaType}, false},
		"an index that is neither": {`{"schemaVersion":2,"mediaType":"` + oci.TypeIndex + `"}`, oci.TypeIndex,
			ids{check.ManifestMediaType}, false},
		"an index as a manifest": {`{"schemaVersion":2,"mediaType":"` + oci.TypeManifest + `","manifests":[]}`,
			oci.TypeManifest, ids{check.ManifestMediaType}, false},
		"layers without config": {manifest(`"layers":[]`), oci.TypeManifest, ids{check.ManifestMediaType}, false},
		"schema 1":              {`{"schemaVersion":1}`, oci.TypeManifest, ids{check.ManifestJSON}, false},
		"schema as text":        {`{"schemaVersion":"2"}`, oci.TypeManifest, ids{check.ManifestJSON}, false},
		"no JSON":               {`schemaVersion: 2`, oci.TypeManifest, ids{check.ManifestJSON}, false},
		"too deep":              {`{"x":` + strings.Repeat("[", 100), oci.TypeManifest, ids{check.LimitNesting}, false},
		"bad digest": {manifest(`"config":` + digest("sha512:"+hexA)), oci.TypeManifest,
			ids{check.ManifestDigest}, false},
		"bad subject": {manifest(`"config":` + good + `,"subject":` + digest("")), oci.TypeManifest,
			ids{check.ManifestDigest}, false},
		"negative size": {manifest(`"config":` + strings.Replace(good, ":1}", ":-1}", 1)), oci.TypeManifest,
			ids{check.ManifestSize}, true},
		"urls": {manifest(`"config":` + good + `,"layers":[` + descriptor(`"urls":["x"]`) + `]`),
			oci.TypeManifest, nil, true},
		"schema 1 beside schema 2": {manifest(`"config":` + good + `,"layers":[],"fsLayers":[]`), oci.TypeManifest,
			ids{check.ManifestMediaType}, false},
		"schema 1 beside an index": {`{"schemaVersion":2,"mediaType":"` + oci.TypeIndex +
			`","manifests":[],"history":null}`, oci.TypeIndex, ids{check.ManifestMediaType}, false},
		"signatures of schema 1": {manifest(`"config":` + good + `,"signatures":[]`), oci.TypeManifest,
			ids{check.ManifestMediaType}, false},
		"inline data, another": {manifest(`"config":` + descriptor(`"data":"e30="`)), oci.TypeManifest,
			ids{check.BlobInline}, true},
		"inline data, no base64": {manifest(`"config":` + descriptor(`"data":"!"`)), oci.TypeManifest,
			ids{check.ManifestJSON}, false},
		"inline data, agreeing": {manifest(`"config":{"mediaType":"` + oci.TypeEmpty + `","digest":"` +
			string(oci.EmptyDigest) + `","size":2,"data":"e30="}`), oci.TypeManifest, nil, true},
	} {
		m, faults := oci.ParseManifest([]byte(c.raw), c.mediaType)
		var got ids
		for _, f := range faults {
			got = append(got, f.ID)
		}
		if !slices.Equal(got, c.want) || (m != nil) != c.usable {
			t.Errorf("%s: faults %v, usable %v; want %v, %v", name, got, m != nil, c.want, c.usable)
		}
	}
}

func TestParseManifestBoundsItsFaults(t *testing.T) {
	negative := strings.Replace(good, ":1}", ":-1}", 1)
	raw := manifest(`"config":` + good + `,"layers":[` + strings.Repeat(negative+",", 10_000) + negative + `]`)
	if m, faults := oci.ParseManifest([]byte(raw), oci.TypeManifest); m != nil || len(faults) > 200 {
		t.Errorf("%d faults, usable %v", len(faults), m != nil)
	}
}

func TestEvidenceKind(t *testing.T) {
	subject := `,"subject":` + good
	typed := func(mediaType string) string { return strings.Replace(good, "application/x", mediaType, 1) }
	of := func(config string, layers ...string) string {
		return manifest(`"config":` + typed(config) + `,"layers":[` + strings.Join(layers, ",") + `]`)
	}
	referring := func(s string) string { return strings.TrimSuffix(s, "}") + subject + "}" }
	for name, c := range map[string]struct {
		raw  string
		kind oci.Kind
		ok   bool
	}{
		"cosign signature": {of(oci.TypeConfig, typed(oci.TypeSimpleSigning)), oci.KindSignature, true},
		"attestation":      {of(oci.TypeConfig, typed(oci.TypeDSSE)), oci.KindAttestation, true},
		"the first layer gives the kind": {of(oci.TypeConfig, typed("text/spdx+json"), typed(oci.TypeSimpleSigning)),
			oci.KindSBOM, true},
		"Sigstore bundle": {of(oci.TypeEmpty, typed("application/vnd.dev.sigstore.bundle.v0.3+json")),
			oci.KindBundle, true},
		"image":                         {of(oci.TypeConfig, typed(layer)), "", false},
		"image that refers":             {referring(of(oci.TypeConfig, typed(layer))), "", false},
		"signature with an image layer": {of(oci.TypeConfig, typed(oci.TypeSimpleSigning), typed(layer)), "", false},
		"referrer of an unknown type": {referring(of(oci.TypeEmpty, typed("application/x-note"))),
			oci.KindReferrer, true},
		"referrer without layers":        {referring(of(oci.TypeEmpty)), oci.KindReferrer, true},
		"unknown type without a subject": {of(oci.TypeEmpty, typed("application/x-note")), "", false},
		"referrer with an image config":  {referring(of(oci.TypeConfig, typed("application/x-note"))), "", false},
		"referrer, config in capitals": {referring(of(strings.ToUpper(oci.TypeConfig),
			typed("application/x-note"))), "", false},
		"referrer with a Docker config": {referring(of(oci.TypeDockerConfig, typed("application/x-note"))),
			"", false},
		"referrer with a layer":            {referring(of(oci.TypeEmpty, typed(layer))), "", false},
		"referrer, layer in capitals":      {referring(of(oci.TypeEmpty, typed(strings.ToUpper(layer)))), "", false},
		"referrer with a tar":              {referring(of(oci.TypeEmpty, typed("application/x-tar"))), "", false},
		"referrer with a zip":              {referring(of(oci.TypeEmpty, typed("application/zip"))), "", false},
		"referrer with a WebAssembly file": {referring(of(oci.TypeEmpty, typed("application/wasm"))), "", false},
		"referrer with a chart": {referring(of(oci.TypeEmpty,
			typed("application/vnd.cncf.helm.chart.content.v1.tar+gzip"))), "", false},
	} {
		m, faults := oci.ParseManifest([]byte(c.raw), oci.TypeManifest)
		if m == nil {
			t.Fatalf("%s: %v", name, faults[0])
		}
		if kind, ok := m.EvidenceKind(nil); kind != c.kind || ok != c.ok {
			t.Errorf("%s: kind %q, %v; want %q, %v", name, kind, ok, c.kind, c.ok)
		}
	}
	ix, _ := oci.ParseManifest([]byte(`{"schemaVersion":2,"mediaType":"`+oci.TypeIndex+`","manifests":[]`+subject+`}`),
		oci.TypeIndex)
	if _, ok := ix.EvidenceKind(nil); ok {
		t.Error("an index with a subject is taken for evidence")
	}
}

// FuzzParseManifest wants nothing in an accepted manifest to act as a path, or to be
// both an image and an index.
func FuzzParseManifest(f *testing.F) {
	f.Add([]byte(manifest(`"config":`+good+`,"layers":[`+good+`]`)), uint8(1))
	f.Add([]byte(`{"schemaVersion":2,"mediaType":"`+oci.TypeIndex+`","manifests":[`+good+`]}`), uint8(0))
	f.Add([]byte(`{"schemaVersion":2,"config":`+good+`,"subject":`+good+`}`), uint8(1))
	f.Add([]byte(manifest(`"config":`+good+`,"manifests":[]`)), uint8(1))
	f.Add([]byte(manifest(`"config":`+strings.Replace(good, "sha256:", "sha256:../", 1))), uint8(2))
	f.Add([]byte("\xef\xbb\xbf{}"), uint8(3))
	types := []string{oci.TypeIndex, oci.TypeManifest, oci.TypeDockerManifest, oci.TypeDockerList, "text/plain"}
	f.Fuzz(func(t *testing.T, raw []byte, which uint8) {
		mediaType := types[int(which)%len(types)]
		m, faults := oci.ParseManifest(raw, mediaType)
		if m == nil {
			if len(faults) == 0 {
				t.Fatal("refused without a word")
			}
			return
		}
		if oci.IsIndex(m.MediaType) && (len(m.Layers) > 0 || m.Config.Digest != "") ||
			!oci.IsIndex(m.MediaType) && len(m.Manifests) > 0 {
			t.Errorf("%+v is both a manifest and an index", m)
		}
		for _, d := range append(append(slices.Clone(m.Layers), m.Manifests...), subjectOf(m)...) {
			if _, err := oci.ParseDigest(string(d.Digest)); err != nil {
				t.Error(err)
			}
		}
		m.EvidenceKind(nil)
		if again, _ := oci.ParseManifest(raw, mediaType); fmt.Sprint(again.Layers) != fmt.Sprint(m.Layers) {
			t.Error("read twice, seen twice")
		}
	})
}

func subjectOf(m *oci.Manifest) []oci.Descriptor {
	if m.Subject == nil {
		return nil
	}
	return []oci.Descriptor{*m.Subject}
}
