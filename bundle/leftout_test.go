package bundle_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// wantLeftOut wants exactly this to be left out of the first image of a plan.
func wantLeftOut(t testing.TB, p *bundle.Plan, want ...bundle.LeftOut) {
	t.Helper()
	if got := p.Inventory.Images[0].LeftOut; !slices.Equal(got, want) {
		t.Errorf("left out:\n%+v\nwant:\n%+v", got, want)
	}
	schema := bundle.InventorySchema
	if len(want) > 0 {
		schema = bundle.InventorySchemaLeftOut
	}
	if p.Inventory.Schema != schema {
		t.Errorf("schema %s, want %s", p.Inventory.Schema, schema)
	}
}

// claimed is the type that the fixture's referrers claim, as the manifest or, if that
// was not read, the list has it.
func claimed(read bool) string {
	if read {
		return "application/x-note"
	}
	return oci.TypeManifest
}

// TestUselessEvidenceIsNoVeto hangs things on an image that anyone who may push could hang there.
// The image is carried, and each of them is left out with its reason.
func TestUselessEvidenceIsNoVeto(t *testing.T) {
	const note = "application/x-note"
	type world struct {
		build
		root oci.Descriptor
		tag  string // of the list of referrers
	}
	lists := func(w world, d oci.Descriptor) { w.index(t, w.tag, d) }
	for name, c := range map[string]struct {
		hang func(w world) oci.Digest // returns the digest that is left out
		want bundle.LeftOut           // without digest and subject
	}{
		"a stale entry": {func(w world) oci.Digest {
			d := w.refer(t, w.root, w.blob(note, "x"))
			delete(w.Blobs, d.Digest)
			return d.Digest
		}, bundle.LeftOut{Type: oci.TypeManifest, Reason: bundle.ReasonMissing}},
		"an entry without a subject": {func(w world) oci.Digest {
			d := w.manifest(t, "", map[string]any{"config": w.blob(note, "{}"), "layers": []oci.Descriptor{}})
			lists(w, d)
			return d.Digest
		}, bundle.LeftOut{Type: oci.TypeManifest, Reason: bundle.ReasonForeignSubject}},
		"an entry of another subject": {func(w world) oci.Digest {
			d := w.refer(t, w.image(t, "", "arm64"), w.blob(note, "x"))
			lists(w, d)
			return d.Digest
		}, bundle.LeftOut{Type: note, Reason: bundle.ReasonForeignSubject}},
		"a subject with another size": {func(w world) oci.Digest {
			root := w.root
			root.Size++
			return w.refer(t, root, w.blob(note, "x")).Digest
		}, bundle.LeftOut{Type: note, Reason: bundle.ReasonMalformed}},
		"a layer that was garbage-collected": {func(w world) oci.Digest {
			layer := w.blob(note, "x")
			delete(w.Blobs, layer.Digest)
			return w.refer(t, w.root, layer).Digest
		}, bundle.LeftOut{Type: note, Reason: bundle.ReasonIncomplete}},
		"a large layer that is gone": {func(w world) oci.Digest {
			layer := oci.Descriptor{MediaType: note, Digest: oci.FromBytes([]byte("x"))}
			layer.Size = oci.MaxJudgedEvidence + 1
			return w.refer(t, w.root, layer).Digest
		}, bundle.LeftOut{Type: note, Reason: bundle.ReasonIncomplete}},
		"an artifact manifest of OCI 1.1.0-rc": {func(w world) oci.Digest {
			const artifact = "application/vnd.oci.artifact.manifest.v1+json"
			d := w.Push(repo, "", artifact, encode(t, map[string]any{"mediaType": artifact, "subject": w.root}))
			lists(w, d)
			return d.Digest
		}, bundle.LeftOut{Type: "application/vnd.oci.artifact.manifest.v1+json", Reason: bundle.ReasonUnsupported}},
		"something runnable": {func(w world) oci.Digest {
			return w.refer(t, w.root, w.blob("application/vnd.acme.docs.v1.tar+gzip", "x")).Digest
		}, bundle.LeftOut{Type: note, Reason: bundle.ReasonUnsignedImage}},
		"a manifest that is no JSON": {func(w world) oci.Digest {
			d := w.Push(repo, "", oci.TypeManifest, []byte(`{"mediaType":"`+oci.TypeManifest+`"}}`))
			lists(w, d)
			return d.Digest
		}, bundle.LeftOut{Type: oci.TypeManifest, Reason: bundle.ReasonUnsupported}},
		"a blob given two sizes": {func(w world) oci.Digest {
			layer := w.blob("application/vnd.oci.image.layer.v1.tar", "layer of amd64")
			layer.MediaType = note
			layer.Size++
			return w.refer(t, w.root, layer).Digest
		}, bundle.LeftOut{Type: note, Reason: bundle.ReasonMalformed}},
	} {
		t.Run(name, func(t *testing.T) {
			w := world{build: newBuild()}
			w.root = w.image(t, "v1", "amd64")
			w.tag = "sha256-" + w.root.Digest.Hex()
			want := c.want
			want.Digest = c.hang(w)
			want.Subject = w.root.Digest
			p := plan(t, w, fixture.Request(t, "built:v1"))
			wantLeftOut(t, p, want)
			if n := len(p.Inventory.Images[0].Evidence); n != 0 {
				t.Errorf("%d pieces of evidence", n)
			}
		})
	}
}

// TestWrongHintsInAList wants the manifest to decide, whatever its entry in the list
// says.
func TestWrongHintsInAList(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	d := b.refer(t, root, b.blob("application/x-note", "x"))
	want := d.Digest
	d.MediaType, d.Size, d.ArtifactType = "application/json", 1, "nonsense\x1b[2J"
	b.index(t, "sha256-"+root.Digest.Hex(), d)
	p := plan(t, b, fixture.Request(t, "built:v1"))
	wantLeftOut(t, p)
	if got := digestsOf(p.Inventory.Images[0].Evidence); !slices.Equal(got, []oci.Digest{want}) {
		t.Errorf("evidence %v", got)
	}
}

// TestListsThatAreNone wants an answer in the place of a list that is none to be left
// out, and the subject itself, as GitLab and GHCR return it, to be ignored.
func TestListsThatAreNone(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	tag := "sha256-" + root.Digest.Hex()
	req := fixture.Request(t, "built:v1")
	b.Tags[repo+":"+tag] = root
	wantLeftOut(t, plan(t, b, req))
	none := bundle.LeftOut{Subject: root.Digest, Type: oci.TypeIndex, Reason: bundle.ReasonNotAList}
	b.image(t, tag, "arm64")
	wantLeftOut(t, plan(t, b, req), none)
	b.Push(repo, tag, "text/plain", []byte("not JSON"))
	wantLeftOut(t, plan(t, b, req), none)
}

// TestAnImageUnderATagOfEvidence wants what is no evidence at such a tag to be left
// out.
func TestAnImageUnderATagOfEvidence(t *testing.T) {
	for _, suffix := range []string{".sig", ".att", ".sbom"} {
		b := newBuild()
		root := b.image(t, "v1", "amd64")
		tag := "sha256-" + root.Digest.Hex() + suffix
		rider := b.image(t, tag, "arm64")
		wantLeftOut(t, plan(t, b, fixture.Request(t, "built:v1")), bundle.LeftOut{
			Subject: root.Digest, Tag: tag, Digest: rider.Digest,
			Type: oci.TypeManifest, Reason: bundle.ReasonUnsignedImage,
		})
	}
}

// TestDeniedEvidence exports from a registry that refuses to say what it does not
// hold, as Harbor and Artifactory do.
func TestDeniedEvidence(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	tag := "sha256-" + root.Digest.Hex()
	denied := fmt.Errorf("403: %w", oci.ErrDenied)
	var want []bundle.LeftOut
	for _, suffix := range []string{"", ".att", ".sbom", ".sig"} {
		b.Fail[repo+":"+tag+suffix] = denied
		l := bundle.LeftOut{Subject: root.Digest, Tag: tag + suffix, Reason: bundle.ReasonDenied}
		if suffix == "" {
			l.Tag, l.Type = "", oci.TypeIndex
		}
		want = append(want, l)
	}
	wantLeftOut(t, plan(t, b, fixture.Request(t, "built:v1")), want...)
	b.Fail[repo+":v1"] = denied
	if _, err := collect(t, b, fixture.Request(t, "built:v1")); !errors.Is(err, oci.ErrDenied) {
		t.Errorf("an image that is denied: %v", err)
	}
}

// TestDeniedForManyPlatforms wants tags about which the registry would not say to be
// listed one by one for an index with many platforms, and not to displace evidence that
// is known to exist.
func TestDeniedForManyPlatforms(t *testing.T) {
	const platforms = 40
	b := newBuild()
	var children []oci.Descriptor
	for i := range platforms {
		d := b.image(t, "", fmt.Sprintf("arch%d", i))
		children = append(children, d)
	}
	root := b.index(t, "v1", children...)
	for _, d := range append(children, root) {
		for _, suffix := range []string{".att", ".sbom", ".sig"} {
			b.Fail[repo+":sha256-"+d.Digest.Hex()+suffix] = fmt.Errorf("403: %w", oci.ErrDenied)
		}
	}
	gone := b.refer(t, root, b.blob("application/x-note", "x"))
	delete(b.Blobs, gone.Digest)
	unknown, known := 0, 0
	for _, l := range plan(t, b, fixture.Request(t, "built:v1")).Inventory.Images[0].LeftOut {
		if l.Exists() {
			known++
		} else {
			unknown++
		}
	}
	if unknown != 3*(platforms+1) || known != 1 {
		t.Errorf("%d entries of what may not exist, %d of what does", unknown, known)
	}
}

// TestThousandsOfReferrers wants the inventory and the number of requests to stay
// bounded, and signatures to be looked at before anything else.
func TestThousandsOfReferrers(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	signature := b.refer(t, root, b.blob("application/vnd.dev.sigstore.bundle.v0.3+json", "{}"))
	signature.ArtifactType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	var list []oci.Descriptor
	for i := range 3000 {
		gone := oci.FromBytes(fmt.Append(nil, i))
		list = append(list, oci.Descriptor{MediaType: oci.TypeManifest, Digest: gone, Size: 1})
	}
	b.index(t, "sha256-"+root.Digest.Hex(), append(list, signature)...)
	src := &counting{build: b}
	img := plan(t, src, fixture.Request(t, "built:v1")).Inventory.Images[0]
	if n := len(img.LeftOut); n != 100 {
		t.Errorf("%d entries in the inventory", n)
	}
	if src.n > 1100 {
		t.Errorf("%d requests", src.n)
	}
	if got := digestsOf(img.Evidence); !slices.Equal(got, []oci.Digest{signature.Digest}) {
		t.Errorf("evidence %v, want the signature", got)
	}
}

type counting struct {
	build
	n int
}

func (c *counting) Manifest(ctx context.Context, repository, tagOrDigest string) ([]byte, string, error) {
	c.n++
	return c.build.Manifest(ctx, repository, tagOrDigest)
}

// TestMissingChild wants the error to name the child, and the other platforms to be
// carried where they are requested.
func TestMissingChild(t *testing.T) {
	b := newBuild()
	amd, arm := b.image(t, "", "amd64"), b.image(t, "", "arm64")
	b.index(t, "v1", amd, arm)
	delete(b.Blobs, arm.Digest)
	req := fixture.Request(t, "built:v1")
	_, err := collect(t, b, req)
	missing := (*bundle.ChildError)(nil)
	if !errors.As(err, &missing) || missing.Digest != arm.Digest || missing.Platform != "linux/arm64" ||
		!errors.Is(err, oci.ErrNotFound) {
		t.Errorf("error %v", err)
	}
	req.Platforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}}
	img := plan(t, b, req).Inventory.Images[0]
	if !slices.Equal(img.Platforms, []string{"linux/amd64"}) || len(img.Omitted) != 1 {
		t.Errorf("platforms %v, omitted %v", img.Platforms, img.Omitted)
	}
}

// TestMissingAttestation wants an attestation manifest of BuildKit that a cache does
// not hold, or of which a part is gone, to be left out.
func TestMissingAttestation(t *testing.T) {
	for _, part := range []bool{false, true} {
		b := newBuild()
		amd := b.image(t, "", "amd64")
		note := b.attestation(t, amd)
		root := b.index(t, "v1", amd, note)
		want := bundle.LeftOut{
			Subject: root.Digest, Digest: note.Digest, Type: oci.TypeManifest, Reason: bundle.ReasonMissing,
		}
		if part {
			want.Reason = bundle.ReasonIncomplete
			delete(b.Blobs, oci.FromBytes([]byte(`{"about":"`+string(amd.Digest)+`"}`)))
		} else {
			delete(b.Blobs, note.Digest)
		}
		p := plan(t, b, fixture.Request(t, "built:v1"))
		wantLeftOut(t, p, want)
		if got := p.Inventory.Images[0].Platforms; !slices.Equal(got, []string{"linux/amd64"}) {
			t.Errorf("platforms %v", got)
		}
	}
}

// TestAttestationOfAPlatform wants BuildKit's attestation manifests to be evidence of
// their platforms, and not to be platforms themselves.
func TestAttestationOfAPlatform(t *testing.T) {
	b := newBuild()
	amd := b.image(t, "", "amd64")
	note := b.attestation(t, amd)
	b.index(t, "v1", amd, note)
	p := plan(t, b, fixture.Request(t, "built:v1"))
	wantLeftOut(t, p)
	ev := p.Inventory.Images[0].Evidence
	if len(ev) != 1 || ev[0].Subject != amd.Digest || ev[0].Digest != note.Digest || ev[0].Kind != oci.KindInToto {
		t.Errorf("evidence %+v", ev)
	}
	g := p.Walk()
	for _, n := range g.Images[0].Tree {
		if runs := g.Runs(n); runs != (n.Digest == amd.Digest) {
			t.Errorf("%s of platform %v runs: %v", n.Digest, n.Platform, runs)
		}
		if n.Digest == note.Digest && n.Attests != amd.Digest {
			t.Errorf("the attestation is about %q", n.Attests)
		}
	}
}

// TestForeignLayers carries a layer that its publisher keeps elsewhere where the
// registry holds it, and leaves it out only on request.
func TestForeignLayers(t *testing.T) {
	b := newBuild()
	layer := b.blob("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "base layer of Windows")
	layer.URLs = []string{"https://example.com/layer"}
	config := b.blob(oci.TypeConfig, `{"architecture":"amd64","os":"windows","rootfs":{"diff_ids":["x"]}}`)
	root := b.manifest(t, "v1", map[string]any{"config": config, "layers": []oci.Descriptor{layer}})
	req := fixture.Request(t, "built:v1")
	p := plan(t, b, req)
	wantLeftOut(t, p)
	if p.ContentSize() != layer.Size {
		t.Errorf("content of %d bytes", p.ContentSize())
	}
	delete(b.Blobs, layer.Digest)
	_, err := collect(t, b, req)
	if missing := (*bundle.ForeignLayerError)(nil); !errors.As(err, &missing) || missing.Layer.Digest != layer.Digest ||
		!strings.Contains(err.Error(), "https://example.com/layer") {
		t.Errorf("error %v", err)
	}
	req.AllowMissingForeign = true
	p = plan(t, b, req)
	wantLeftOut(t, p, bundle.LeftOut{
		Subject: root.Digest, Digest: layer.Digest, Type: layer.MediaType, Reason: bundle.ReasonForeignLayer,
	})
	if p.ContentSize() != 0 {
		t.Errorf("content of %d bytes", p.ContentSize())
	}
}

// TestArtifactsHaveNoPlatform wants --platform not to exclude what has none.
func TestArtifactsHaveNoPlatform(t *testing.T) {
	b := newBuild()
	chart := b.manifest(t, "v1", map[string]any{
		"config": b.blob("application/vnd.cncf.helm.config.v1+json", `{"name":"app"}`),
		"layers": []oci.Descriptor{b.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "chart")},
	})
	req := fixture.Request(t, "built:v1")
	req.Platforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}}
	plan(t, b, req)
	amd, arm := b.image(t, "", "amd64"), b.image(t, "", "arm64")
	bare := func(d oci.Descriptor) oci.Descriptor { d.Platform = nil; return d }
	b.index(t, "v1", bare(chart), bare(amd), bare(arm))
	img := plan(t, b, req).Inventory.Images[0]
	if len(img.Omitted) != 1 || img.Omitted[0].Digest != arm.Digest {
		t.Errorf("omitted %v, want the one whose config names another platform", img.Omitted)
	}
}

func TestEmptyIndex(t *testing.T) {
	b := newBuild()
	b.manifest(t, "v1", map[string]any{"manifests": []oci.Descriptor{}})
	wantFault(t, second(collect(t, b, fixture.Request(t, "built:v1"))), check.ManifestRunnable)
}

// TestWindowsBuilds selects one of two builds that differ in the version of the
// system alone.
func TestWindowsBuilds(t *testing.T) {
	b := newBuild()
	var builds []oci.Descriptor
	for _, version := range []string{"10.0.17763.1", "10.0.20348.1"} {
		d := b.image(t, "", version)
		d.Platform = &oci.Platform{OS: "windows", Architecture: "amd64", OSVersion: version}
		builds = append(builds, d)
	}
	b.index(t, "v1", builds...)
	req := fixture.Request(t, "built:v1")
	want, err := oci.ParsePlatform("windows/amd64:10.0.20348")
	if err != nil {
		t.Fatal(err)
	}
	req.Platforms = []oci.Platform{want}
	p := plan(t, b, req)
	if o := p.Inventory.Images[0].Omitted; len(o) != 1 || o[0].Digest != builds[0].Digest {
		t.Errorf("omitted %v", o)
	}
	if g := p.Walk().Images[0]; len(g.Runnable) != 1 || g.Runnable[0].Full() != "windows/amd64:10.0.20348.1" {
		t.Errorf("carried %v", g.Runnable)
	}
	req.Platforms[0].OSVersion = "10.0.26100"
	_, err = collect(t, b, req)
	other := (*bundle.PlatformError)(nil)
	if !errors.As(err, &other) || !slices.Contains(other.Offered, "windows/amd64:10.0.17763.1") {
		t.Errorf("another build: %v", err)
	}
}
