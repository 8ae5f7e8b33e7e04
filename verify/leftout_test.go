package verify_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// built is a registry with an image or index of the tests' own, signed by s.
type built struct {
	*fixture.Registry
	s *fixture.Signer
}

const builtRepo = fixture.Host + "built"

func newBuilt(t *testing.T) built { return built{fixture.NewRegistry(), fixture.NewSigner(t)} }

func (b built) blob(mediaType, content string) oci.Descriptor {
	d := oci.Descriptor{MediaType: mediaType, Digest: oci.FromBytes([]byte(content)), Size: int64(len(content))}
	b.Blobs[d.Digest] = []byte(content)
	return d
}

func (b built) push(t *testing.T, tag string, members map[string]any) oci.Descriptor {
	t.Helper()
	mediaType := oci.TypeManifest
	if members["manifests"] != nil {
		mediaType = oci.TypeIndex
	}
	members["schemaVersion"], members["mediaType"] = 2, mediaType
	raw, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return b.Push(builtRepo, tag, mediaType, raw)
}

// image stores an image with one layer of a type and a content.
func (b built) image(t *testing.T, tag, os, layerType, content string) oci.Descriptor {
	t.Helper()
	layer := b.blob(layerType, content)
	rootFS := fmt.Sprintf(`{"type":"layers","diff_ids":[%q]}`, layer.Digest)
	config := fmt.Sprintf(`{"architecture":"amd64","os":%q,"rootfs":%s}`, os, rootFS)
	return b.push(t, tag, map[string]any{
		"config": b.blob(oci.TypeConfig, config), "layers": []oci.Descriptor{layer},
	})
}

func (b built) verified(t *testing.T, change func(*verify.Options)) *verify.Report {
	t.Helper()
	b.s.Sign(b.Registry, builtRepo, b.Tags[builtRepo+":v1"].Digest)
	opt := b.s.Options()
	if change != nil {
		change(&opt)
	}
	return fixture.Verify(t, fixture.Export(t, b.Registry, b.s.Request(t, "built:v1")), opt)
}

func wantFailed(t *testing.T, rep *verify.Report, want ...string) {
	t.Helper()
	if got := fixture.Failed(rep); !slices.Equal(got, want) {
		t.Errorf("failed %q, want %q", got, want)
	}
}

const tarLayer = "application/vnd.oci.image.layer.v1.tar"

// TestDeniedIsReported wants a note for the bundle, which --strict accepts, the list for
// the image, and both in a failed demand that would have needed it.
func TestDeniedIsReported(t *testing.T) {
	reg := fixture.NewRegistry()
	root := reg.Tags[fixture.Host+"app:v1"]
	for _, suffix := range []string{".att", ".sbom", ""} {
		reg.Fail[fixture.Host+"app:sha256-"+root.Digest.Hex()+suffix] = fmt.Errorf("403: %w", oci.ErrDenied)
	}
	opt := fixture.Options()
	opt.Strict = true
	opt.Images = []oci.Reference{{Repository: fixture.Host + "app", Tag: "v1", Digest: root.Digest}}
	rep := fixture.Verify(t, fixture.Export(t, reg, fixture.Request(t, "app:v1")), opt)
	wantFailed(t, rep)
	wantLeftOutAnswers(t, rep, map[check.Status]string{check.Skip: "3 tags and lists of referrers"})
	if left := rep.Images[0].LeftOut; len(left) != 3 || left[0].Text != "the registry would not say" {
		t.Errorf("left out %+v", left)
	}
	reg.Fail[fixture.Host+"app:sha256-"+root.Digest.Hex()+".sig"] = fmt.Errorf("403: %w", oci.ErrDenied)
	rep = fixture.Verify(t, fixture.Export(t, reg, fixture.Request(t, "app:v1")), fixture.Options())
	wantFailed(t, rep, "signature.present")
	if d := rep.Failures[0].Detail; !strings.Contains(d, ".sig was left out: the registry would not say") &&
		!strings.Contains(d, "was left out: the registry would not say") {
		t.Errorf("detail %q", d)
	}
	opt = fixture.Options()
	slsa := verify.RequiredAttestation{Name: "slsa", PredicateType: "https://slsa.dev/provenance/v1", Count: 1}
	opt.Attestations = []verify.RequiredAttestation{slsa}
	delete(reg.Fail, fixture.Host+"app:sha256-"+root.Digest.Hex()+".sig")
	rep = fixture.Verify(t, fixture.Export(t, reg, fixture.Request(t, "app:v1")), opt)
	wantFailed(t, rep, "policy.attestation")
	if d := rep.Failures[0].Detail; !strings.Contains(d, "was left out") {
		t.Errorf("detail %q", d)
	}
}

// wantLeftOutAnswers wants policy.left-out to be answered by each of these statuses once.
func wantLeftOutAnswers(t *testing.T, rep *verify.Report, want map[check.Status]string) {
	t.Helper()
	got := map[check.Status]string{}
	n := 0
	for _, c := range rep.Checks {
		if c.ID == check.PolicyLeftOut {
			got[c.Status] = string(c.Found)
			n++
		}
	}
	if !maps.Equal(got, want) || n != len(want) {
		t.Errorf("policy.left-out: %d answers %v, want %v", n, got, want)
	}
}

// TestLeftOutIsReported wants evidence that exists and was left out to be a warning,
// beside the note of what may not exist.
func TestLeftOutIsReported(t *testing.T) {
	reg := fixture.NewRegistry()
	root := reg.Tags[fixture.Host+"app:v1"]
	tag := fixture.Host + "app:sha256-" + root.Digest.Hex()
	denied := fmt.Errorf("403: %w", oci.ErrDenied)
	reg.Fail[tag+".att"] = denied
	gone := oci.FromBytes([]byte("gone"))
	list := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"manifests":[{"mediaType":%q,"digest":%q,"size":4}]}`,
		oci.TypeIndex, oci.TypeManifest, gone)
	reg.Push(fixture.Host+"app", "sha256-"+root.Digest.Hex(), oci.TypeIndex, list)
	for name, fail := range map[string]error{"missing": nil, "denied": denied} {
		if fail != nil {
			reg.Fail[string(gone)] = fail // it is listed, so that it exists
		}
		raw := fixture.Export(t, reg, fixture.Request(t, "app:v1"))
		rep := fixture.Verify(t, raw, fixture.Options())
		wantFailed(t, rep)
		wantLeftOutAnswers(t, rep, map[check.Status]string{
			check.Warn: "1 piece of evidence", check.Skip: "1 tag or list of referrers",
		})
		opt := fixture.Options()
		opt.Strict = true
		opt.Images = []oci.Reference{{Repository: fixture.Host + "app", Tag: "v1", Digest: root.Digest}}
		wantFailed(t, fixture.Verify(t, raw, opt), "policy.left-out")
		if t.Failed() {
			t.Fatal(name)
		}
	}
}

// TestForgedLeftOut changes what the inventory says was left out.
func TestForgedLeftOut(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	image := fixture.Open(raw).Inventory.Images[0]
	denied := func(l bundle.LeftOut) []bundle.LeftOut {
		l.Reason = bundle.ReasonDenied
		return []bundle.LeftOut{l}
	}
	good := denied(bundle.LeftOut{Subject: image.Digest, Tag: "sha256-" + image.Digest.Hex() + ".att"})[0]
	layer := fixture.Open(raw).Inventory.Blobs[0].Digest
	for name, c := range map[string]struct {
		list []bundle.LeftOut
		want string
	}{
		"good":               {[]bundle.LeftOut{good}, ""},
		"empty":              {[]bundle.LeftOut{}, ""},
		"twice":              {[]bundle.LeftOut{good, good}, "layout.inventory"},
		"another subject":    {denied(bundle.LeftOut{Subject: oci.EmptyDigest}), "layout.inventory"},
		"unknown reason":     {[]bundle.LeftOut{{Subject: image.Digest, Reason: "because"}}, "layout.inventory"},
		"a tag with a text":  {denied(bundle.LeftOut{Subject: image.Digest, Tag: "v1"}), "layout.inventory"},
		"a type with a text": {denied(bundle.LeftOut{Subject: image.Digest, Type: "<b>"}), "layout.inventory"},
		"a layer that is not foreign": {[]bundle.LeftOut{{Subject: image.Digest, Digest: layer,
			Reason: bundle.ReasonForeignLayer}}, "layout.inventory"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fixture.Open(raw)
			f.Inventory.Images[0].LeftOut = c.list
			if len(c.list) > 0 {
				f.Inventory.Schema = bundle.InventorySchemaLeftOut
			}
			failed := fixture.Failed(fixture.Verify(t, f.Build(), fixture.Options()))
			if strings.Join(failed, " ") != c.want {
				t.Errorf("failed %q, want %q", failed, c.want)
			}
		})
	}
	f := fixture.Open(raw)
	f.Inventory.Schema = bundle.InventorySchemaLeftOut
	wantFailed(t, fixture.Verify(t, f.Build(), fixture.Options()), "layout.inventory")
	f = fixture.Open(raw)
	f.Inventory.Images[0].LeftOut = []bundle.LeftOut{good}
	wantFailed(t, fixture.Verify(t, f.Build(), fixture.Options()), "layout.inventory")
}

// TestForeignLayerIsNotStripped wants a foreign layer that is missing, and that export
// did not leave out, to reject, and one that it left out to be a warning.
func TestForeignLayerIsNotStripped(t *testing.T) {
	b := newBuilt(t)
	layer := b.blob("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "\x1f\x8b\x08 base layer")
	layer.URLs = []string{"https://example.com/layer"}
	config := fmt.Sprintf(`{"architecture":"amd64","os":"windows","rootfs":{"diff_ids":[%q]}}`, layer.Digest)
	root := b.push(t, "v1", map[string]any{
		"config": b.blob(oci.TypeConfig, config), "layers": []oci.Descriptor{layer},
	})
	b.s.Sign(b.Registry, builtRepo, root.Digest)
	raw := fixture.Export(t, b.Registry, b.s.Request(t, "built:v1"))
	wantFailed(t, fixture.Verify(t, raw, b.s.Options()))
	stripped := fixture.Open(raw)
	delete(stripped.Blobs, layer.Digest)
	wantFailed(t, fixture.Verify(t, stripped.Build(), b.s.Options()), "manifest.foreign")
	delete(b.Blobs, layer.Digest)
	req := b.s.Request(t, "built:v1")
	req.AllowMissingForeign = true
	rep := fixture.Verify(t, fixture.Export(t, b.Registry, req), b.s.Options())
	wantFailed(t, rep)
	if !slices.ContainsFunc(rep.Checks, func(c verify.Check) bool {
		return c.ID == check.ManifestForeign && c.Status == check.Warn && c.Found == "1 layer"
	}) {
		t.Error("no warning of the layer that was left out")
	}
}

// TestPlatformTypedAsEvidence wants a platform of a signed index to count as one
// whatever the types of its layers say: a runtime unpacks it.
func TestPlatformTypedAsEvidence(t *testing.T) {
	b := newBuilt(t)
	disguised := b.image(t, "", "linux", oci.TypeInToto, "not what its type says")
	disguised.Platform = &oci.Platform{OS: "linux", Architecture: "amd64"}
	b.push(t, "v1", map[string]any{"manifests": []oci.Descriptor{disguised}})
	rep := b.verified(t, nil)
	wantFailed(t, rep)
	if got := rep.Images[0].Platforms; !slices.Equal(got, []string{"linux/amd64"}) {
		t.Errorf("platforms %v", got)
	}
	wantFailed(t, b.verified(t, func(o *verify.Options) {
		o.OnlyPlatforms = []oci.Platform{{OS: "linux", Architecture: "arm64"}}
	}), "policy.platform")
	for _, marked := range []bool{true, false} {
		d := disguised
		if marked {
			d.Annotations = map[string]string{
				"vnd.docker.reference.type":   "attestation-manifest",
				"vnd.docker.reference.digest": string(disguised.Digest),
			}
		}
		d.Platform = &oci.Platform{OS: "unknown", Architecture: "unknown"}
		b.push(t, "v1", map[string]any{"manifests": []oci.Descriptor{d}})
		rep := b.verified(t, func(o *verify.Options) {
			o.OnlyPlatforms = []oci.Platform{{OS: "linux", Architecture: "arm64"}}
		})
		wantFailed(t, rep, "policy.platform")
	}
}

// TestPackedLayerTypedAsEvidence wants --deep and the check of formats not to pass over
// a platform whose layers are typed as evidence.
func TestPackedLayerTypedAsEvidence(t *testing.T) {
	b := newBuilt(t)
	amd := b.image(t, "", "linux", tarLayer, strings.Repeat("\x00", 1024))
	amd.Platform = &oci.Platform{OS: "linux", Architecture: "amd64"}
	packed := b.image(t, "", "unknown", oci.TypeInToto, "\x1f\x8b\x08 packed")
	packed.Platform = &oci.Platform{OS: "unknown", Architecture: "unknown"}
	packed.Annotations = map[string]string{
		"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": string(amd.Digest),
	}
	b.push(t, "v1", map[string]any{"manifests": []oci.Descriptor{amd, packed}})
	wantFailed(t, b.verified(t, nil), "config.layer-type")
}

// TestDeepGoesByTheContent wants the diff_id of a layer that a runtime would unpack to be
// compared, whatever its type says.
func TestDeepGoesByTheContent(t *testing.T) {
	b := newBuilt(t)
	layer := b.blob(oci.TypeInToto, strings.Repeat("\x00", 1024)) // an empty tar
	config := fmt.Sprintf(`{"architecture":"amd64","os":"linux","rootfs":{"diff_ids":[%q]}}`, oci.EmptyDigest)
	child := b.push(t, "", map[string]any{
		"config": b.blob(oci.TypeConfig, config), "layers": []oci.Descriptor{layer},
	})
	child.Platform = &oci.Platform{OS: "linux", Architecture: "amd64"}
	b.push(t, "v1", map[string]any{"manifests": []oci.Descriptor{child}})
	wantFailed(t, b.verified(t, func(o *verify.Options) { o.Deep = true }), "config.diffid")
}

// TestEvidenceThatCanBeUnpacked wants something that a runtime would unpack not to
// count as evidence, whatever the types of its layers say: export leaves it out, and
// verify refuses it.
func TestEvidenceThatCanBeUnpacked(t *testing.T) {
	b := newBuilt(t)
	root := b.image(t, "v1", "linux", tarLayer, strings.Repeat("\x00", 1024))
	rider := b.image(t, "sha256-"+root.Digest.Hex()+".att", "linux", oci.TypeDSSE, "\x1f\x8b\x08 packed")
	rep := b.verified(t, nil)
	wantFailed(t, rep)
	left := rep.Images[0].LeftOut
	if len(left) != 1 || string(left[0].Digest) != string(rider.Digest) || left[0].Reason != "unsigned-image" {
		t.Errorf("left out %+v", left)
	}
	b = newBuilt(t)
	root = b.image(t, "v1", "linux", tarLayer, strings.Repeat("\x00", 1024))
	const text = `{"payload":"","payloadType":"x","signatures":[]}`
	b.image(t, "sha256-"+root.Digest.Hex()+".att", "linux", oci.TypeDSSE, text)
	b.s.Sign(b.Registry, builtRepo, root.Digest)
	f := fixture.Open(fixture.Export(t, b.Registry, b.s.Request(t, "built:v1")))
	f.Replace(oci.FromBytes([]byte(text)), []byte("\x1f\x8b\x08 packed"))
	wantFailed(t, fixture.Verify(t, f.Build(), b.s.Options()), "policy.unsigned-image")
}

// TestBuildKitAttestation wants the attestations that BuildKit stores in an index to be
// evidence of their platforms, without a warning.
func TestBuildKitAttestation(t *testing.T) {
	b := newBuilt(t)
	amd := b.image(t, "", "linux", tarLayer, strings.Repeat("\x00", 1024))
	amd.Platform = &oci.Platform{OS: "linux", Architecture: "amd64"}
	statement := fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v0.1",`+
		`"predicateType":"https://slsa.dev/provenance/v0.2","subject":[{"name":"pkg:docker/x","digest":{"sha256":%q}}],"predicate":{}}`, amd.Digest.Hex())
	note := b.image(t, "", "unknown", oci.TypeInToto, statement)
	note.Platform = &oci.Platform{OS: "unknown", Architecture: "unknown"}
	note.Annotations = map[string]string{
		"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": string(amd.Digest),
	}
	b.push(t, "v1", map[string]any{"manifests": []oci.Descriptor{amd, note}})
	for _, gone := range []bool{false, true} {
		if gone {
			delete(b.Blobs, note.Digest)
		}
		rep := b.verified(t, func(o *verify.Options) { o.RequireChildren = false })
		wantFailed(t, rep)
		if got := rep.Images[0].Platforms; !slices.Equal(got, []string{"linux/amd64"}) {
			t.Errorf("platforms %v", got)
		}
		for _, c := range rep.Checks {
			known := c.ID == check.PolicyUnbound || gone && c.ID == check.PolicyLeftOut
			if c.Status == check.Warn && c.Class == "policy" && !known {
				t.Errorf("gone %v: warning %s: %s", gone, c.ID, c.Detail)
			}
		}
		if n := len(rep.Images[0].LeftOut); (n == 1) != gone {
			t.Errorf("gone %v: %d left out", gone, n)
		}
	}
}

// TestLargeEvidenceUnderAnImageConfig wants evidence that is too large to be held to be
// looked at when it is read: a runtime could unpack it. Export, which cannot look at it
// in time, leaves it out.
func TestLargeEvidenceUnderAnImageConfig(t *testing.T) {
	const sbom = "text/spdx+json"
	for name, c := range map[string]struct {
		content string
		want    []string
	}{
		"text":   {`{"spdxVersion":"SPDX-2.3"}`, nil},
		"packed": {"\x1f\x8b\x08", []string{"policy.unsigned-image"}},
	} {
		t.Run(name, func(t *testing.T) {
			content := c.content + strings.Repeat(" ", oci.MaxJudgedEvidence)
			b := newBuilt(t)
			root := b.image(t, "v1", "linux", tarLayer, strings.Repeat("\x00", 1024))
			large := b.image(t, "sha256-"+root.Digest.Hex()+".sbom", "linux", sbom, content)
			b.s.Sign(b.Registry, builtRepo, root.Digest)
			raw := fixture.Export(t, b.Registry, b.s.Request(t, "built:v1"))
			rep := fixture.Verify(t, raw, b.s.Options())
			wantFailed(t, rep)
			if left := rep.Images[0].LeftOut; len(left) != 1 || left[0].Reason != "over-budget" {
				t.Errorf("left out %+v", left)
			}
			f := fixture.Open(raw)
			img := &f.Inventory.Images[0]
			img.LeftOut = nil
			f.Inventory.Schema = bundle.InventorySchema
			img.Evidence = append(img.Evidence, bundle.Evidence{Kind: oci.KindSBOM, Subject: root.Digest,
				Node: bundle.Node{MediaType: oci.TypeManifest, Digest: large.Digest, Size: large.Size}})
			manifest, _ := oci.ParseManifest(b.Blobs[large.Digest], oci.TypeManifest)
			for _, d := range []oci.Digest{large.Digest, manifest.Config.Digest, manifest.Layers[0].Digest} {
				f.Add(b.Blobs[d])
			}
			wantFailed(t, fixture.Verify(t, f.Build(), b.s.Options()), c.want...)
		})
	}
}
