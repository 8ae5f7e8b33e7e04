package bundle_test

import (
	"context"
	"encoding/json"
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

const repo = fixture.Host + "built"

// build is a registry that tests fill with images of their own.
type build struct{ *fixture.Registry }

func newBuild() build { return build{fixture.NewRegistry()} }

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (b build) blob(mediaType, content string) oci.Descriptor {
	d := oci.Descriptor{MediaType: mediaType, Digest: oci.FromBytes([]byte(content)), Size: int64(len(content))}
	b.Blobs[d.Digest] = []byte(content)
	return d
}

// image stores an image of one layer for linux and an architecture.
func (b build) image(t testing.TB, tag, arch string) oci.Descriptor {
	t.Helper()
	layer := b.blob("application/vnd.oci.image.layer.v1.tar", "layer of "+arch)
	rootFS := `{"type":"layers","diff_ids":["` + string(layer.Digest) + `"]}`
	config := b.blob(oci.TypeConfig, `{"architecture":"`+arch+`","os":"linux","rootfs":`+rootFS+`}`)
	d := b.manifest(t, tag, map[string]any{"config": config, "layers": []oci.Descriptor{layer}})
	d.Platform = &oci.Platform{OS: "linux", Architecture: arch}
	return d
}

func (b build) manifest(t testing.TB, tag string, members map[string]any) oci.Descriptor {
	t.Helper()
	mediaType := oci.TypeManifest
	if members["manifests"] != nil {
		mediaType = oci.TypeIndex
	}
	members["schemaVersion"], members["mediaType"] = 2, mediaType
	return b.Push(repo, tag, mediaType, encode(t, members))
}

func (b build) index(t testing.TB, tag string, children ...oci.Descriptor) oci.Descriptor {
	t.Helper()
	return b.manifest(t, tag, map[string]any{"manifests": children})
}

// attestation stores an attestation as BuildKit does, next to a child of an index.
func (b build) attestation(t testing.TB, about oci.Descriptor) oci.Descriptor {
	t.Helper()
	statement := b.blob(oci.TypeInToto, `{"about":"`+string(about.Digest)+`"}`)
	rootFS := `{"type":"layers","diff_ids":["` + string(statement.Digest) + `"]}`
	config := b.blob(oci.TypeConfig, `{"architecture":"unknown","os":"unknown","rootfs":`+rootFS+`}`)
	d := b.manifest(t, "", map[string]any{"config": config, "layers": []oci.Descriptor{statement}})
	d.Platform = &oci.Platform{OS: "unknown", Architecture: "unknown"}
	d.Annotations = map[string]string{
		"vnd.docker.reference.digest": string(about.Digest),
		"vnd.docker.reference.type":   "attestation-manifest",
	}
	return d
}

// refer stores a manifest whose subject is subject, and lists it under the fallback
// tag.
func (b build) refer(t testing.TB, subject oci.Descriptor, layers ...oci.Descriptor) oci.Descriptor {
	t.Helper()
	b.Blobs[oci.EmptyDigest] = []byte("{}")
	empty := oci.Descriptor{MediaType: oci.TypeEmpty, Digest: oci.EmptyDigest, Size: 2}
	bare := oci.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}
	d := b.manifest(t, "", map[string]any{
		"artifactType": "application/x-note", "config": empty,
		"layers": layers, "subject": bare,
	})
	b.index(t, "sha256-"+subject.Digest.Hex(), d)
	return d
}

func collect(t testing.TB, src bundle.Source, req bundle.Request) (*bundle.Plan, error) {
	t.Helper()
	p, _, err := bundle.Collect(context.Background(), src, req)
	return p, err
}

func plan(t testing.TB, src bundle.Source, req bundle.Request) *bundle.Plan {
	t.Helper()
	p, err := collect(t, src, req)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func digestsOf(evs []bundle.Evidence) (list []oci.Digest) {
	for _, ev := range evs {
		list = append(list, ev.Digest)
	}
	return list
}

func TestPlatformsNarrow(t *testing.T) {
	b := newBuild()
	amd, arm := b.image(t, "", "amd64"), b.image(t, "", "arm64")
	amdNote, armNote := b.attestation(t, amd), b.attestation(t, arm)
	b.index(t, "v1", amd, arm, amdNote, armNote)
	req := fixture.Request(t, "built:v1")
	all := plan(t, b, req).Inventory.Images[0]
	if !slices.Equal(all.Platforms, []string{"linux/amd64", "linux/arm64"}) || len(all.Omitted) != 0 {
		t.Errorf("unasked: platforms %v, omitted %v", all.Platforms, all.Omitted)
	}
	req.Platforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}}
	p := plan(t, b, req)
	img := p.Inventory.Images[0]
	want := []bundle.Omitted{
		{Platform: "linux/arm64", Digest: arm.Digest},
		{Platform: "unknown/unknown", Digest: armNote.Digest},
	}
	if !slices.Equal(img.Platforms, []string{"linux/amd64"}) || !slices.Equal(img.Omitted, want) {
		t.Errorf("narrowed: platforms %v, omitted %v, want %v", img.Platforms, img.Omitted, want)
	}
	if p.Meta[amdNote.Digest] == nil || p.Meta[armNote.Digest] != nil {
		t.Error("BuildKit's attestation of a child does not go where the child goes")
	}
	req.Platforms = []oci.Platform{{OS: "linux", Architecture: "s390x"}}
	if _, err := collect(t, b, req); err == nil || !strings.Contains(err.Error(), "linux/amd64, linux/arm64") {
		t.Errorf("a platform that no image has: %v", err)
	}
}

func TestPlatformOfASingleImage(t *testing.T) {
	b := newBuild()
	b.image(t, "v1", "amd64")
	req := fixture.Request(t, "built:v1")
	req.Platforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}}
	if img := plan(t, b, req).Inventory.Images[0]; !slices.Equal(img.Platforms, []string{"linux/amd64"}) {
		t.Errorf("platforms %v", img.Platforms)
	}
	req.Platforms[0].Architecture = "arm64"
	if _, err := collect(t, b, req); err == nil || !strings.Contains(err.Error(), "linux/amd64") {
		t.Errorf("another platform: %v", err)
	}
}

func TestChildrenNamedTwiceAreCarriedOnce(t *testing.T) {
	b := newBuild()
	amd := b.image(t, "", "amd64")
	v2 := amd
	v2.Platform = &oci.Platform{OS: "linux", Architecture: "amd64", Variant: "v2"}
	b.index(t, "v1", amd, v2, amd)
	p := plan(t, b, fixture.Request(t, "built:v1"))
	want := []string{"linux/amd64", "linux/amd64/v2", "linux/amd64"}
	if got := p.Inventory.Images[0].Platforms; !slices.Equal(got, want) {
		t.Errorf("platforms %v, want each as the index names it", got)
	}
	if n := len(p.Walk().Images[0].Tree); n != 2 {
		t.Errorf("%d nodes, want the index and its one child", n)
	}
}

func TestEvidenceOfChildren(t *testing.T) {
	p := plan(t, fixture.NewRegistry(), fixture.Request(t, "multi:v1"))
	g := p.Walk().Images[0]
	var subjects []oci.Digest
	for _, ev := range g.Evidence {
		subjects = append(subjects, ev.Subject)
	}
	var tree []oci.Digest
	for _, n := range g.Tree {
		tree = append(tree, n.Digest)
	}
	if len(tree) != 3 || !slices.Equal(subjects, tree) {
		t.Errorf("evidence is for %v, want one piece for each of %v", subjects, tree)
	}
}

func TestReferrersOfReferrers(t *testing.T) {
	b := newBuild()
	subject := b.image(t, "v1", "amd64")
	var want []oci.Digest
	for i := range 4 {
		subject = b.refer(t, subject, b.blob("application/x-note", fmt.Sprint("note ", i)))
		want = append(want, subject.Digest)
	}
	req := fixture.Request(t, "built:v1")
	if got := digestsOf(plan(t, b, req).Inventory.Images[0].Evidence); !slices.Equal(got, want) {
		t.Errorf("evidence %v, want each after its subject: %v", got, want)
	}
	b.refer(t, subject, b.blob("application/x-note", "one too deep"))
	wantLeftOut(t, plan(t, b, req), bundle.LeftOut{
		Subject: subject.Digest, Type: oci.TypeIndex, Reason: bundle.ReasonOverBudget,
	})
}

func TestIndexesTooDeep(t *testing.T) {
	b := newBuild()
	d := b.image(t, "", "amd64")
	for range 4 {
		d = b.index(t, "v1", d)
	}
	req := fixture.Request(t, "built:v1")
	plan(t, b, req)
	b.index(t, "v1", d)
	wantFault(t, second(collect(t, b, req)), check.LimitDepth)
}

func TestImageAsReferrer(t *testing.T) {
	b := newBuild()
	subject := b.image(t, "v1", "amd64")
	rider := b.refer(t, subject, b.blob("application/vnd.oci.image.layer.v1.tar", "rider"))
	req := fixture.Request(t, "built:v1")
	wantLeftOut(t, plan(t, b, req), bundle.LeftOut{
		Subject: subject.Digest, Digest: rider.Digest, Type: "application/x-note", Reason: bundle.ReasonUnsignedImage,
	})
	ref, err := oci.ParseReference(repo + "@" + string(rider.Digest))
	if err != nil {
		t.Fatal(err)
	}
	req.Images = append(req.Images, ref)
	p := plan(t, b, req)
	wantLeftOut(t, p)
	if len(p.Inventory.Images) != 2 || len(p.Inventory.Images[0].Evidence)+len(p.Inventory.Images[1].Evidence) != 0 {
		t.Errorf("requested by digest, it is carried as %+v", p.Inventory.Images)
	}
}

// TestLargeEvidenceIsCarriedUnjudged wants evidence over its budget to be carried
// as content, and not to be held in memory.
func TestLargeEvidenceIsCarriedUnjudged(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	large := oci.Descriptor{
		MediaType: "application/x-scan",
		Digest:    oci.FromBytes([]byte("large")),
		Size:      oci.MaxJudgedEvidence + 1,
	}
	b.Blobs[large.Digest] = []byte("large")
	b.refer(t, root, large)
	p := plan(t, b, fixture.Request(t, "built:v1"))
	i := slices.IndexFunc(p.Inventory.Blobs, func(b bundle.Blob) bool { return b.Digest == large.Digest })
	if i < 0 || !slices.Equal(p.Inventory.Blobs[i].Roles, []bundle.Role{bundle.RoleUnjudged}) ||
		p.Meta[large.Digest] != nil {
		t.Errorf("blobs %+v", p.Inventory.Blobs)
	}
	if want := large.Size + int64(len("layer of amd64")); p.ContentSize() != want {
		t.Errorf("content of %d bytes, want %d", p.ContentSize(), want)
	}
}

func second(_ *bundle.Plan, err error) error { return err }

func wantFault(t testing.TB, err error, id check.ID) {
	t.Helper()
	if f := (*check.Fault)(nil); !errors.As(err, &f) || f.ID != id {
		t.Errorf("error %v, want a fault %s", err, id)
	}
}
