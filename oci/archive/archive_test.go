package archive_test

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/archive"
	"github.com/gapseal/gapseal/verify/check"
)

// content is a bundle as a source of an archive.
type content struct {
	*bundle.Reader
	graph *bundle.Graph
}

func (c *content) Manifest(d oci.Digest) *oci.Manifest { return c.graph.Manifests[d] }

func (c *content) Config(d oci.Digest) *oci.Config {
	config, _ := c.graph.Config(d)
	return config
}

// open returns the content of a bundle in memory.
func open(t *testing.T, raw []byte) *content {
	t.Helper()
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return &content{r, r.Walk()}
}

var linuxAMD64 = oci.Platform{OS: "linux", Architecture: "amd64"}

// add adds the images of a bundle by name and digest, with their evidence.
func add(t *testing.T, p *archive.Plan, c *content) {
	t.Helper()
	for i := range c.graph.Images {
		g := &c.graph.Images[i]
		repository, _, _ := strings.Cut(strings.TrimPrefix(g.Reference, fixture.Host), ":")
		img := archive.Image{Root: g.Descriptor(), Names: []string{
			g.Reference, fixture.Host + repository + "@" + string(g.Digest),
		}}
		for _, e := range g.Canonical {
			img.Evidence = append(img.Evidence, archive.Evidence{Manifest: e.Descriptor(), Kind: e.Kind})
		}
		if _, err := p.Add(img); err != nil {
			t.Fatal(err)
		}
	}
}

// listing describes a tar: names and sizes, and small documents in full.
func listing(t *testing.T, raw []byte) string {
	t.Helper()
	var b strings.Builder
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := h.Name
		if len(name) > 25 {
			if oci.FromBytes(body).Hex() != strings.TrimPrefix(name, "blobs/sha256/") {
				t.Errorf("%s holds other content", name)
			}
			name = name[:25]
		}
		fmt.Fprintf(&b, "%s %d\n", name, h.Size)
	}
}

func writeTar(t *testing.T, p *archive.Plan) []byte {
	t.Helper()
	var b bytes.Buffer
	var n int64
	if err := p.WriteTar(t.Context(), &b, func(m int64) { n += m }); err != nil {
		t.Fatal(err)
	}
	if n != p.Size() {
		t.Errorf("progress counted %d bytes, want %d", n, p.Size())
	}
	if err := p.CheckTar(bytes.NewReader(b.Bytes())); err != nil {
		t.Errorf("read back: %v", err)
	}
	return b.Bytes()
}

func TestTarHoldsOnePlatformUnderTheDigestOfTheIndex(t *testing.T) {
	c := open(t, fixture.Bundle(t, "app:v1", "multi:v1"))
	p := archive.NewPlan(c, archive.Options{Platform: &linuxAMD64, RunnableOnly: true})
	for i := range c.graph.Images {
		g := &c.graph.Images[i]
		done, err := p.Add(archive.Image{Root: g.Descriptor(), Names: []string{g.Reference}})
		if err != nil || len(done.Known) != 3 || done.Known[0] != g.Digest {
			t.Fatalf("%s: %+v, %v", g.Reference, done, err)
		}
	}
	const want = `oci-layout 30
blobs/sha256/5d02bc3fee6f 427
blobs/sha256/8a49fd1620e0 152
blobs/sha256/924ddaaab243 152
blobs/sha256/4f008ef8965b 555
blobs/sha256/9b304bf1d4f1 352
blobs/sha256/6c77a71cbce5 555
blobs/sha256/4138fb4fac96 622
index.json 777
`
	if got := listing(t, writeTar(t, p)); got != want {
		t.Errorf("the tar holds\n%s\nwant\n%s", got, want)
	}
}

func TestEverythingIsWrittenByDefault(t *testing.T) {
	c := open(t, fixture.Bundle(t, "multi:v1"))
	p := archive.NewPlan(c, archive.Options{})
	add(t, p, c)
	got := listing(t, writeTar(t, p))
	for _, b := range c.Inventory.Blobs {
		owned := len(b.Roles) == 1 && b.Roles[0] == bundle.RoleKey || isKey(c, b.Digest)
		if in := strings.Contains(got, b.Digest.Hex()[:12]); in == owned {
			t.Errorf("blob %s %v: in the tar %v", b.Digest, b.Roles, in)
		}
	}
}

func isKey(c *content, d oci.Digest) bool {
	for _, k := range c.Inventory.Keys {
		if k.Digest == d {
			return true
		}
	}
	return false
}

// entries reads index.json.
func entries(t *testing.T, raw []byte) (list []oci.Descriptor) {
	t.Helper()
	var doc struct{ Manifests []oci.Descriptor }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Manifests
}

func fileOf(t *testing.T, raw []byte, name string) []byte {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(raw)); ; {
		h, err := r.Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if h.Name == name {
			body, _ := io.ReadAll(r)
			return body
		}
	}
}

func TestNamesOfAllTools(t *testing.T) {
	c := open(t, fixture.Bundle(t, "app:v1"))
	p := archive.NewPlan(c, archive.Options{Platform: &linuxAMD64, Docker: true})
	add(t, p, c)
	raw := writeTar(t, p)
	list := entries(t, fileOf(t, raw, "index.json"))
	for i, name := range []string{fixture.Host + "app:v1", fixture.Host + "app@" + string(list[0].Digest)} {
		a := list[i].Annotations
		if a["io.containerd.image.name"] != name || a["org.opencontainers.image.ref.name"] != name {
			t.Errorf("entry %d is called %v, want %s", i, a, name)
		}
	}
	if kind := list[2].Annotations["kind"]; kind != "dev.cosignproject.cosign/sigs" {
		t.Errorf("evidence is listed as %q", kind)
	}
	const want = `[{"Config":"blobs/sha256/5d02bc3fee6f2746b4595e9d6c9d914c4f9c990cffa6f5b5e9022e59b7be9854",` +
		`"RepoTags":["registry.example.com/acme/app:v1"],"Layers":[` +
		`"blobs/sha256/8a49fd1620e05f5d0eebccb925823921cbf6d078ac2f28707c4a0df8242db524",` +
		`"blobs/sha256/924ddaaab243fa84488a233853645344f0b2f5694bd0b1a0e9192955fc57e550"]}]`
	if got := fileOf(t, raw, "manifest.json"); string(got) != want {
		t.Errorf("manifest.json is\n%s\nwant\n%s", got, want)
	}
}

func TestImagesForOtherPlatformsAreRefused(t *testing.T) {
	c := open(t, fixture.Bundle(t, "app:v1", "multi:v1"))
	riscv := oci.Platform{OS: "linux", Architecture: "riscv64"}
	p := archive.NewPlan(c, archive.Options{Platform: &riscv})
	for i := range c.graph.Images {
		_, err := p.Add(archive.Image{Root: c.graph.Images[i].Descriptor(), Names: []string{"a"}})
		var bad *archive.PlatformError
		if !errors.As(err, &bad) {
			t.Fatalf("want a PlatformError, got %v", err)
		}
	}
	if got := listing(t, writeTar(t, p)); got != "oci-layout 30\nindex.json 88\n" {
		t.Errorf("images that were refused are in the tar:\n%s", got)
	}
}

// wrong is a source one of whose blobs was changed after it was verified.
type wrong struct {
	*content
	blob oci.Digest
}

func (w *wrong) OpenBlob(d oci.Digest) (io.ReadCloser, error) {
	rc, err := w.content.OpenBlob(d)
	if err != nil || d != w.blob {
		return rc, err
	}
	return io.NopCloser(io.MultiReader(io.LimitReader(rc, 100),
		errorReader{&check.Fault{ID: check.BlobDigest}})), nil
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

const aLayer = "sha256:924ddaaab243fa84488a233853645344f0b2f5694bd0b1a0e9192955fc57e550"

func TestTarOfAChangedBlobHasNoNames(t *testing.T) {
	c := open(t, fixture.Bundle(t, "app:v1"))
	p := archive.NewPlan(&wrong{c, aLayer}, archive.Options{})
	add(t, p, c)
	var b bytes.Buffer
	err := p.WriteTar(t.Context(), &b, nil)
	var fault *check.Fault
	if !errors.As(err, &fault) || fault.ID != check.BlobDigest {
		t.Fatalf("want the fault of the blob, got %v", err)
	}
	if bytes.Contains(b.Bytes(), []byte("index.json")) {
		t.Error("names were written")
	}
}

func TestFolderOfAChangedBlobHasNoNames(t *testing.T) {
	c := open(t, fixture.Bundle(t, "app:v1"))
	p := archive.NewPlan(&wrong{c, aLayer}, archive.Options{})
	add(t, p, c)
	dir := t.TempDir()
	_, err := openLayout(t, dir).Write(t.Context(), p, nil)
	var fault *check.Fault
	if !errors.As(err, &fault) || fault.ID != check.BlobDigest {
		t.Fatalf("want the fault of the blob, got %v", err)
	}
	for _, name := range []string{"index.json", "blobs/sha256/" + oci.Digest(aLayer).Hex()} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s was written: %v", name, err)
		}
	}
}

func openLayout(t *testing.T, dir string) *archive.Layout {
	t.Helper()
	l, err := archive.OpenLayout(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestFolderKeepsWhatOthersListed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	c := open(t, fixture.Bundle(t, "app:v1"))
	p := archive.NewPlan(c, archive.Options{})
	add(t, p, c)
	l := openLayout(t, dir)
	if done, err := l.Write(t.Context(), p, nil); err != nil || len(done.Present) != 0 || done.Bytes != p.Size() {
		t.Fatalf("%+v, %v", done, err)
	}
	if err := l.Check(p); err != nil {
		t.Fatal(err)
	}
	index := filepath.Join(dir, "index.json")
	raw, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	const foreign = `{"mediaType":"x/y","digest":"sha256:00","size":1,"more":[1,2],` +
		`"annotations":{"org.opencontainers.image.ref.name":"v1"}}`
	raw = bytes.Replace(raw, []byte(`"manifests":[`), []byte(`"annotations":{"a":"b"},"manifests":[`+foreign+`,`), 1)
	if err := os.WriteFile(index, raw, 0o644); err != nil {
		t.Fatal(err)
	}

	c = open(t, fixture.Bundle(t, "app:v1", "multi:v1"))
	p = archive.NewPlan(c, archive.Options{})
	add(t, p, c)
	l = openLayout(t, dir)
	if got := l.Named(fixture.Host + "app:v1"); !slices.Equal(got, []oci.Digest{c.graph.Images[0].Digest}) {
		t.Errorf("app:v1 is %s", got)
	}
	if done, err := l.Write(t.Context(), p, nil); err != nil || len(done.Present) == 0 || done.Blobs == 0 {
		t.Fatalf("%+v, %v", done, err)
	}
	if err := l.Check(p); err != nil {
		t.Fatal(err)
	}
	raw, err = os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(raw, []byte(foreign)) ||
		!bytes.Contains(raw, []byte(`"annotations":{"a":"b"}`)) {
		t.Errorf("what others wrote is gone:\n%s", raw)
	}
}

func TestFolderRepairsAWrongBlob(t *testing.T) {
	dir := t.TempDir()
	c := open(t, fixture.Bundle(t, "app:v1"))
	p := archive.NewPlan(c, archive.Options{})
	add(t, p, c)
	l := openLayout(t, dir)
	if _, err := l.Write(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	manifest := filepath.Join(dir, "blobs/sha256", c.graph.Images[0].Digest.Hex())
	raw, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	raw[10] ^= 1
	if err := os.WriteFile(manifest, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := l.Check(p); err == nil {
		t.Error("a wrong manifest passes the check")
	}
	done, err := l.Write(t.Context(), p, nil)
	if err != nil || done.Blobs != 1 {
		t.Fatalf("%+v, %v", done, err)
	}
	if err := l.Check(p); err != nil {
		t.Error(err)
	}
}

func TestAFolderOfSomethingElseIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := archive.OpenLayout(dir)
	if err == nil || !strings.Contains(err.Error(), "not an OCI image layout") {
		t.Errorf("got %v", err)
	}
}

func TestWritingEndsWithItsContext(t *testing.T) {
	c := open(t, fixture.Bundle(t, "app:v1"))
	p := archive.NewPlan(c, archive.Options{})
	add(t, p, c)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.WriteTar(ctx, io.Discard, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAnArchiveThatChangedIsNoticed(t *testing.T) {
	c := open(t, fixture.Bundle(t, "app:v1"))
	p := archive.NewPlan(c, archive.Options{Platform: &linuxAMD64, Docker: true})
	add(t, p, c)
	good := writeTar(t, p)
	for name, change := range map[string]func(raw []byte) []byte{
		"cut":             func(raw []byte) []byte { return raw[:len(raw)-2048] },
		"another name":    replacing("acme/app:v1", "acme/app:v2"),
		"a manifest":      replacing(`"layers":`, `"layerz":`),
		"without an end":  func(raw []byte) []byte { return append(raw[:len(raw)-1024], raw[:512]...) },
		"a missing blob":  func(raw []byte) []byte { return append(raw[:1024:1024], raw[2048:]...) },
		"nothing written": func([]byte) []byte { return nil },
	} {
		if err := p.CheckTar(bytes.NewReader(change(bytes.Clone(good)))); err == nil {
			t.Errorf("%s: passes", name)
		}
	}
}

func replacing(from, to string) func([]byte) []byte {
	return func(raw []byte) []byte { return bytes.ReplaceAll(raw, []byte(from), []byte(to)) }
}

// exampleSource is the bundle of the example.
func exampleSource() *content {
	t := &testing.T{}
	return open(t, fixture.Bundle(t, "app:v1", "multi:v1"))
}
