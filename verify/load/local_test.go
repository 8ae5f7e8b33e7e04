package load

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// memoryRuntime is a runtime that imports archives as containerd does: it reads the
// whole of one, and then names its images.
type memoryRuntime struct {
	form   Form
	images map[string]oci.Digest
	blobs  map[string]bool
	tars   int
	before func()     // called before an archive is read
	drop   string     // a name that is dropped without a word
	by     oci.Digest // what every image is known by, if it is set
	broken error      // what Import fails with
}

func newRuntime() *memoryRuntime {
	f := Form{DigestNames: true}
	f.Platform, f.RunnableOnly = &oci.Platform{OS: "linux", Architecture: "amd64"}, true
	return &memoryRuntime{form: f, images: map[string]oci.Digest{}, blobs: map[string]bool{}}
}

func (m *memoryRuntime) String() string { return "memory" }
func (m *memoryRuntime) Form() Form     { return m.form }

func (m *memoryRuntime) Find(_ context.Context, name string) ([]oci.Digest, error) {
	d, ok := m.images[name]
	switch {
	case !ok:
		return nil, nil
	case m.by != "":
		return []oci.Digest{m.by}, nil
	}
	return []oci.Digest{d}, nil
}

func (m *memoryRuntime) Import(
	ctx context.Context, p *archive.Plan, progress func(int64),
) (map[oci.Digest]bool, error) {
	if m.before != nil {
		m.before()
	}
	m.tars++
	var b bytes.Buffer
	werr := p.WriteTar(ctx, &b, progress)
	if werr == nil {
		werr = m.broken
	}
	if err := m.read(&b); err != nil || werr != nil {
		return nil, errors.Join(werr, err)
	}
	return nil, nil
}

func (m *memoryRuntime) read(in io.Reader) error {
	named := map[string]oci.Digest{}
	for r := tar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		m.blobs[strings.TrimPrefix(h.Name, "blobs/sha256/")] = true
		if h.Name != "index.json" {
			continue
		}
		var index struct{ Manifests []oci.Descriptor }
		if err := json.Unmarshal(raw, &index); err != nil {
			return err
		}
		for _, d := range index.Manifests {
			named[d.Annotations["io.containerd.image.name"]] = d.Digest
		}
	}
	for name, d := range named {
		if name != m.drop {
			m.images[name] = d
		}
	}
	return nil
}

func (m *memoryRuntime) ReadBack(context.Context, *archive.Plan) error { return nil }

// inFile writes a bundle to a file and opens it.
func inFile(t *testing.T, raw []byte) (path string, r *bundle.Reader) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "app.tar")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := bundle.OpenFile(path, oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return path, r
}

// imported imports a bundle that verifies.
func imported(t *testing.T, raw []byte, to Importer, o Options) (*verify.Report, error) {
	t.Helper()
	_, r := inFile(t, raw)
	rep, err := Import(t.Context(), r, fixture.Options(), to, o, nil)
	if rep == nil || rep.Verdict != check.Verified {
		t.Fatalf("no verified report: %v", err)
	}
	return rep, err
}

func TestImportNamesByTagAndDigest(t *testing.T) {
	rt := newRuntime()
	rep, err := imported(t, fixture.Bundle(t, "app:v1", "multi:v1"), rt, Options{})
	if err != nil || !rep.Loaded.Complete {
		t.Fatalf("%+v, %v", rep.Loaded, err)
	}
	for _, img := range rep.Loaded.Images {
		repository, _, _ := strings.Cut(img.Reference, ":v")
		for _, name := range []string{img.Reference, repository + "@" + img.Digest} {
			if rt.images[name] != oci.Digest(img.Digest) {
				t.Errorf("%s is %q", name, rt.images[name])
			}
		}
		if img.Before != "absent" || !img.ReadBack || img.Evidence != 0 || img.Blobs.Sent == 0 {
			t.Errorf("%+v", img)
		}
	}
	if rt.tars != 1 || len(rt.images) != 4 {
		t.Errorf("%d archives, %d names", rt.tars, len(rt.images))
	}
	again, err := imported(t, fixture.Bundle(t, "app:v1"), rt, Options{})
	if err != nil || again.Loaded.Images[0].Before != "same" {
		t.Errorf("again: %+v, %v", again.Loaded, err)
	}
}

func TestARejectedBundleIsNotImported(t *testing.T) {
	rt := newRuntime()
	_, r := inFile(t, fixture.Bundle(t, "unsigned:v1"))
	rep, err := Import(t.Context(), r, fixture.Options(), rt, Options{}, nil)
	if !errors.As(err, new(*verify.Error)) || len(rep.Loaded.Images) > 0 || rep.Loaded.Complete || rt.tars != 0 {
		t.Errorf("%v, %d archives", err, rt.tars)
	}
}

// baseLayer is a layer of both app:v1 and multi:v1.
const baseLayer = "sha256:8a49fd1620e05f5d0eebccb925823921cbf6d078ac2f28707c4a0df8242db524"

func TestAFileThatIsSwappedAfterTheVerdictIsNotNamed(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	path, r := inFile(t, raw)
	rt := newRuntime()
	rt.before = func() {
		forged := bytes.Clone(raw)
		forged[bytes.Index(raw, fixture.NewRegistry().Blobs[baseLayer])+50] ^= 1
		if err := os.WriteFile(path, forged, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := Import(t.Context(), r, fixture.Options(), rt, Options{}, nil)
	if !errors.As(err, new(*Error)) || rep.Loaded.Complete {
		t.Fatalf("%+v, %v", rep, err)
	}
	for _, img := range rep.Loaded.Images {
		if !strings.Contains(string(img.Error), string(check.BlobDigest)) || img.ReadBack {
			t.Errorf("%+v", img)
		}
	}
	if len(rt.images) > 0 {
		t.Errorf("the runtime has names: %v", rt.images)
	}
}

func TestWhatIsNotForARuntimeIsSkipped(t *testing.T) {
	rt := newRuntime()
	rt.form.Platform.Architecture = "arm64"
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	rep, err := imported(t, raw, rt, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if app := rep.Loaded.Images[0]; !strings.Contains(string(app.Skipped), "nothing for linux/arm64") || app.ReadBack {
		t.Errorf("%+v", app)
	}
	if multi := rep.Loaded.Images[1]; multi.Skipped != "" || !multi.ReadBack {
		t.Errorf("%+v", multi)
	}
	app := []oci.Reference{{Repository: fixture.Host + "app"}}
	rep, err = imported(t, raw, newRuntimeFor("arm64"), Options{Only: app})
	if err == nil || rep.Loaded.Images[0].Error == "" {
		t.Errorf("an image that was asked for was skipped: %+v", rep.Loaded)
	}
	rep, err = imported(t, fixture.Bundle(t, "app:v1"), newRuntimeFor("arm64"), Options{})
	if err == nil || rep.Loaded.Images[0].Error == "" {
		t.Errorf("everything was skipped, and that is no error: %+v", rep.Loaded)
	}
}

func newRuntimeFor(architecture string) *memoryRuntime {
	rt := newRuntime()
	rt.form.Platform.Architecture = architecture
	return rt
}

func TestARuntimeThatDropsSomethingIsNoticed(t *testing.T) {
	config := oci.Digest("sha256:5d02bc3fee6f2746b4595e9d6c9d914c4f9c990cffa6f5b5e9022e59b7be9854")
	other := oci.FromBytes([]byte("other"))
	for name, tc := range map[string]struct {
		change func(rt *memoryRuntime)
		want   string
	}{
		"a name": {func(rt *memoryRuntime) { rt.drop = fixture.Host + "app:v1" },
			"does not know " + fixture.Host + "app:v1"},
		"another image":  {func(rt *memoryRuntime) { rt.by = other }, "found " + string(other)},
		"the digest":     {func(rt *memoryRuntime) { rt.by = config }, "found " + string(config)},
		"a failed load":  {func(rt *memoryRuntime) { rt.broken = errors.New("the disk is full") }, "the disk is full"},
		"by config only": {func(rt *memoryRuntime) { rt.by, rt.form.ByConfig = config, true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			rt := newRuntime()
			tc.change(rt)
			rep, err := imported(t, fixture.Bundle(t, "app:v1"), rt, Options{})
			img := rep.Loaded.Images[0]
			if !strings.Contains(string(img.Error), tc.want) || (tc.want == "") != (err == nil) {
				t.Errorf("%+v, %v", img, err)
			}
			if tc.want == "" && !slices.ContainsFunc(img.Notes, func(s string) bool {
				return strings.Contains(s, "the digest is lost")
			}) {
				t.Errorf("the loss of the digest is not noted: %q", img.Notes)
			}
		})
	}
}

func TestANameThatIsTakenIsNotMoved(t *testing.T) {
	other := oci.FromBytes([]byte("other"))
	name := fixture.Host + "app:v1"
	rt := newRuntime()
	rt.images[name] = other
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	rep, err := imported(t, raw, rt, Options{})
	img := rep.Loaded.Images[0]
	if err == nil || img.Before != "other "+string(other) || !strings.Contains(string(img.Error), string(other)) {
		t.Errorf("%+v, %v", img, err)
	}
	if rt.images[name] != other || !rep.Loaded.Images[1].ReadBack {
		t.Errorf("the name moved, or the other image was not loaded: %+v", rt.images)
	}
	rep, err = imported(t, raw, rt, Options{OverwriteTags: true})
	if err != nil || rt.images[name] != oci.Digest(rep.Loaded.Images[0].Digest) {
		t.Errorf("%+v, %v", rep.Loaded, err)
	}
}

func TestOneArchiveForEachImage(t *testing.T) {
	rt := newRuntime()
	rt.form.Separate, rt.form.DigestNames = true, false
	names := Names{Map: []Mapping{{From: "registry.example.com/acme", To: "plant:5000/a"}}}
	rep, err := imported(t, fixture.Bundle(t, "app:v1", "multi:v1"), rt, Options{Names: names})
	if err != nil || rt.tars != 2 || rt.images["plant:5000/a/app:v1"] == "" || len(rt.images) != 2 {
		t.Errorf("%d archives, %v, %+v, %v", rt.tars, rt.images, rep.Loaded, err)
	}
}

func TestPreviewOfAnImport(t *testing.T) {
	rt := newRuntime()
	_, r := inFile(t, fixture.Bundle(t, "app:v1"))
	l, err := PreviewImport(t.Context(), r, fixture.Options(), rt, Options{})
	if err != nil || l.Images[0].Blobs.Sent != 4 || l.Images[0].Before != "absent" || rt.tars != 0 {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestFolderGetsEvidenceUnderItsTags(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "layout")
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	raw := fixture.Bundle(t, "app:v1", "bundle:v1", "multi:v1")
	rep, err := imported(t, raw, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	app := rep.Loaded.Images[0]
	hex := oci.Digest(app.Digest).Hex()
	for _, name := range []string{"app:v1", "app:sha256-" + hex + ".sig", "app:sha256-" + hex + ".att", "bundle:v1"} {
		if found, _ := f.Find(t.Context(), fixture.Host+name); len(found) == 0 {
			t.Errorf("%s is not listed", name)
		}
	}
	if app.Evidence != 2 || !app.ReadBack {
		t.Errorf("%+v", app)
	}
	f, err = OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := imported(t, raw, f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range again.Loaded.Images {
		if img.Before != "same" || img.Blobs.Sent != 0 {
			t.Errorf("again: %+v", img)
		}
	}
}

func TestAnImageWithoutATagNeedsARuntimeThatKeepsDigests(t *testing.T) {
	const name = "app@sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"
	raw := fixture.Bundle(t, name)
	rep, err := imported(t, raw, newRuntime(), Options{})
	if err != nil || !rep.Loaded.Images[0].ReadBack {
		t.Errorf("%+v, %v", rep.Loaded, err)
	}
	rt := newRuntime()
	rt.form.ByConfig, rt.form.DigestNames, rt.drop = true, false, fixture.Host+name
	rep, err = imported(t, raw, rt, Options{})
	if err == nil || !strings.Contains(string(rep.Loaded.Images[0].Error), "the image needs a tag") {
		t.Errorf("%+v, %v", rep.Loaded, err)
	}
	rep, err = imported(t, raw, rt, Options{Names: Names{TagAs: "v9"}})
	if err != nil || rt.images[fixture.Host+"app:v9"] == "" {
		t.Errorf("%+v, %v", rep.Loaded, err)
	}
}

// A name that a folder lists twice, or for containerd alone, is taken.
func TestANameInAFolderHasOneMeaning(t *testing.T) {
	other := oci.FromBytes([]byte("other"))
	raw := fixture.Bundle(t, "app:v1")
	for what, annotation := range map[string]string{
		"twice":          "org.opencontainers.image.ref.name",
		"for containerd": "io.containerd.image.name",
	} {
		dir := filepath.Join(t.TempDir(), "layout")
		if _, err := imported(t, raw, folder(t, dir), Options{}); err != nil {
			t.Fatal(err)
		}
		index := filepath.Join(dir, "index.json")
		text, err := os.ReadFile(index)
		if err != nil {
			t.Fatal(err)
		}
		entry := `{"mediaType":"` + oci.TypeManifest + `","digest":"` + string(other) + `","size":5,"annotations":{"` +
			annotation + `":"` + fixture.Host + `app:v1"}}`
		text = bytes.TrimSuffix(text, []byte("]}"))
		if err := os.WriteFile(index, append(text, ","+entry+"]}"...), 0o600); err != nil {
			t.Fatal(err)
		}
		rep, err := imported(t, raw, folder(t, dir), Options{})
		img := rep.Loaded.Images[0]
		if err == nil || img.Before != "other "+string(other) || !strings.Contains(string(img.Error), string(other)) {
			t.Errorf("%s: %+v, %v", what, img, err)
		}
		rep, err = imported(t, raw, folder(t, dir), Options{OverwriteTags: true})
		if err != nil || !rep.Loaded.Images[0].ReadBack {
			t.Errorf("%s, overwritten: %+v, %v", what, rep.Loaded, err)
		}
		if text, err := os.ReadFile(index); err != nil || bytes.Contains(text, []byte(other)) {
			t.Errorf("%s: the other entry is still there: %s, %v", what, text, err)
		}
	}
}

func folder(t *testing.T, dir string) *Folder {
	t.Helper()
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// An interrupt after the verdict leaves a report that says how far each image came.
func TestAnInterruptedImportIsReported(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for name, want := range map[string]error{"begin": errNotHanded, "import": errHanding} {
		m := newRuntime()
		ctx, cancel := context.WithCancel(t.Context())
		o := Options{Begin: func(_ context.Context, rep *verify.Report) error {
			if rep.Loaded.Unfinished != verify.LoadBegun || m.tars > 0 {
				t.Errorf("%+v, %d archives", rep.Loaded, m.tars)
			}
			if name == "begin" {
				cancel()
			}
			return nil
		}}
		m.before = cancel
		r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		rep, err := Import(ctx, r, fixture.Options(), m, o, nil)
		if !errors.Is(err, context.Canceled) || rep == nil {
			t.Fatalf("%s: report %v, error %v", name, rep != nil, err)
		}
		img := rep.Loaded.Images[0]
		if rep.Loaded.Unfinished != verify.LoadInterrupted || string(img.Error) != want.Error() || img.ReadBack {
			t.Errorf("%s: %+v", name, rep.Loaded)
		}
	}
}
