package load

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// resign changes the manifest of signatures that a folder lists, and returns its name and
// its new digest.
func resign(t *testing.T, dir string, change func(layers []oci.Descriptor) []oci.Descriptor) (string, oci.Digest) {
	t.Helper()
	index := filepath.Join(dir, "index.json")
	list, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Manifests []oci.Descriptor }
	if err := json.Unmarshal(list, &doc); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(doc.Manifests, func(d oci.Descriptor) bool {
		return strings.HasSuffix(d.Annotations["org.opencontainers.image.ref.name"], ".sig")
	})
	e := &doc.Manifests[i]
	blobs := filepath.Join(dir, "blobs/sha256")
	raw, err := os.ReadFile(filepath.Join(blobs, e.Digest.Hex()))
	if err != nil {
		t.Fatal(err)
	}
	m, _ := oci.ParseManifest(raw, e.MediaType)
	raw, err = json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": e.MediaType, "config": m.Config, "layers": change(m.Layers),
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Digest, e.Size = oci.FromBytes(raw), int64(len(raw))
	if err := os.WriteFile(filepath.Join(blobs, e.Digest.Hex()), raw, 0o600); err != nil {
		t.Fatal(err)
	}
	list, err = json.Marshal(map[string]any{"schemaVersion": 2, "manifests": doc.Manifests})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(index, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return e.Annotations["org.opencontainers.image.ref.name"], e.Digest
}

// another is a signature that somebody else made.
func another(layers []oci.Descriptor) oci.Descriptor {
	d := layers[0]
	d.Annotations = map[string]string{"dev.cosignproject.cosign/signature": "another"}
	return d
}

// onlyAnother replaces the signatures.
func onlyAnother(layers []oci.Descriptor) []oci.Descriptor { return []oci.Descriptor{another(layers)} }

func TestSignaturesInAFolderAreNotLost(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	for _, c := range []struct {
		what   string
		change func([]oci.Descriptor) []oci.Descriptor
		over   bool
		stays  bool
		fails  bool
		note   string
	}{
		{what: "one more there", change: func(l []oci.Descriptor) []oci.Descriptor { return append(l, another(l)) },
			stays: true, note: "which has all signatures of the bundle and 1 more; it stays"},
		{what: "others there", change: onlyAnother,
			stays: true, fails: true},
		{what: "others replaced", change: onlyAnother,
			over: true, note: "other signatures were replaced"},
	} {
		t.Run(c.what, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "layout")
			first, err := imported(t, raw, folder(t, dir), Options{})
			if err != nil {
				t.Fatal(err)
			}
			name, there := resign(t, dir, c.change)
			rep, err := imported(t, raw, folder(t, dir), Options{OverwriteTags: c.over})
			img := rep.Loaded.Images[0]
			if c.fails != (err != nil) || c.fails == img.ReadBack {
				t.Errorf("%+v, %v", img, err)
			}
			if c.fails && !strings.Contains(string(img.Error), "bundle have different signatures") {
				t.Error(img.Error)
			}
			if notes := strings.Join(img.Notes, "\n"); !strings.Contains(notes, c.note) {
				t.Errorf("want %q in the notes:\n%s", c.note, notes)
			}
			found, err := folder(t, dir).Find(t.Context(), name)
			if err != nil || len(found) != 1 || (found[0] == there) != c.stays {
				t.Errorf("%s names %s, %v", name, found, err)
			}
			index, err := os.ReadFile(filepath.Join(dir, "index.json"))
			if err != nil || bytes.Count(index, []byte(`"digest"`)) < 3 || img.Digest != first.Loaded.Images[0].Digest {
				t.Errorf("%s, %v", index, err)
			}
		})
	}
}
