package archive_test

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
	"github.com/gapseal/gapseal/oci/archive"
)

const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
)

// layoutOf writes app:v1 with its evidence into a new folder.
func layoutOf(t *testing.T) (dir string, p *archive.Plan, root oci.Descriptor) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "layout")
	c := open(t, fixture.Bundle(t, "app:v1"))
	p = archive.NewPlan(c, archive.Options{})
	add(t, p, c)
	if _, err := openLayout(t, dir).Write(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	return dir, p, c.graph.Images[0].Descriptor()
}

// listed reads the entries of an index.json.
func listed(t *testing.T, dir string) []oci.Descriptor {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Manifests []oci.Descriptor }
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Manifests
}

// setEntries writes an index.json.
func setEntries(t *testing.T, dir string, list []oci.Descriptor) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": oci.TypeIndex, "manifests": list})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "index.json"), raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

// What others planted under the name of an image is found, fails the check, and is gone once
// the image is written again.
func TestFolderLeavesOneMeaningOfAName(t *testing.T) {
	const name = fixture.Host + "app:v1"
	other := oci.Descriptor{MediaType: oci.TypeManifest, Digest: oci.FromBytes([]byte("other")), Size: 5}
	under := func(annotations ...string) func([]oci.Descriptor) []oci.Descriptor {
		return func(list []oci.Descriptor) []oci.Descriptor {
			d := other
			d.Annotations = map[string]string{}
			for _, a := range annotations {
				d.Annotations[a] = name
			}
			return append(list, d)
		}
	}
	edit := func(change func(d *oci.Descriptor)) func([]oci.Descriptor) []oci.Descriptor {
		return func(list []oci.Descriptor) []oci.Descriptor { change(&list[0]); return list }
	}
	for what, change := range map[string]func([]oci.Descriptor) []oci.Descriptor{
		"another image of both names":      under(refName, containerdName),
		"another image by containerd only": under(containerdName),
		"another image by ref.name only":   under(refName),
		"another image before": func(l []oci.Descriptor) []oci.Descriptor {
			return append(under(refName)(nil), l...)
		},
		"another media type":   edit(func(d *oci.Descriptor) { d.MediaType = oci.TypeIndex }),
		"another size":         edit(func(d *oci.Descriptor) { d.Size = 7 }),
		"content in the entry": edit(func(d *oci.Descriptor) { d.Data = []byte("{}") }),
		"another source":       edit(func(d *oci.Descriptor) { d.URLs = []string{"https://evil.example"} }),
		"another platform": edit(func(d *oci.Descriptor) {
			d.Platform = &oci.Platform{OS: "windows", Architecture: "amd64"}
		}),
		"another name for containerd": edit(func(d *oci.Descriptor) { d.Annotations[containerdName] = "x/y:z" }),
		"a referrer of another size": func(l []oci.Descriptor) []oci.Descriptor {
			i := slices.IndexFunc(l, func(d oci.Descriptor) bool { return d.Annotations[refName] == "" })
			l[i].Size++
			return l
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir, p, root := layoutOf(t)
			before := listed(t, dir)
			setEntries(t, dir, change(listed(t, dir)))
			l := openLayout(t, dir)
			if err := l.Check(p); err == nil {
				t.Error("the check passes")
			}
			if strings.HasPrefix(what, "another image") && !slices.Contains(l.Named(name), other.Digest) {
				t.Errorf("%s is %s", name, l.Named(name))
			}
			if _, err := l.Write(t.Context(), p, nil); err != nil {
				t.Fatal(err)
			}
			if err := l.Check(p); err != nil {
				t.Error(err)
			}
			if got := openLayout(t, dir).Named(name); !slices.Equal(got, []oci.Digest{root.Digest}) {
				t.Errorf("%s is %s", name, got)
			}
			want := len(before)
			if what == "another name for containerd" {
				want++
			}
			if n := len(listed(t, dir)); n != want {
				t.Errorf("%d entries, want %d", n, want)
			}
		})
	}
}

// An entry of another tool keeps the name that only it uses.
func TestFolderKeepsTheOtherNameOfAnEntry(t *testing.T) {
	const name = fixture.Host + "app:v1"
	dir, p, root := layoutOf(t)
	for what, d := range map[string]oci.Descriptor{
		"the same image":  root,
		"another content": {MediaType: oci.TypeManifest, Digest: oci.FromBytes([]byte("other")), Size: 5},
	} {
		d.Annotations = map[string]string{refName: "v1", containerdName: name, "a": "b"}
		setEntries(t, dir, []oci.Descriptor{d})
		if _, err := openLayout(t, dir).Write(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		l := openLayout(t, dir)
		if got := l.Named("v1"); !slices.Equal(got, []oci.Digest{d.Digest}) {
			t.Errorf("%s: v1 is %s", what, got)
		}
		if got := l.Named(name); !slices.Equal(got, []oci.Digest{root.Digest}) {
			t.Errorf("%s: %s is %s", what, name, got)
		}
		if got := listed(t, dir)[0].Annotations["a"]; got != "b" {
			t.Errorf("%s: the other annotations are gone", what)
		}
	}
}

func TestFolderReplacesALinkInPlaceOfABlob(t *testing.T) {
	dir, p, root := layoutOf(t)
	path := filepath.Join(dir, "blobs/sha256", root.Digest.Hex())
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.Rename(path, outside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, path); err != nil {
		t.Skip(err)
	}
	if err := openLayout(t, dir).Check(p); err == nil || !strings.Contains(err.Error(), "found a symbolic link") {
		t.Errorf("the check of a link: %v", err)
	}
	done, err := openLayout(t, dir).Write(t.Context(), p, nil)
	if err != nil || done.Blobs != 1 || done.Present[root.Digest] {
		t.Errorf("%+v, %v", done, err)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%v, %v", info, err)
	}
	if got, err := os.ReadFile(outside); err != nil || !bytes.Equal(got, raw) {
		t.Errorf("the link was followed: %v", err)
	}
}

func TestFolderWritesNothingThroughALink(t *testing.T) {
	for _, name := range []string{"blobs", "blobs/sha256"} {
		dir, p, _ := layoutOf(t)
		outside := filepath.Join(t.TempDir(), "outside")
		if err := os.Rename(filepath.Join(dir, name), outside); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(outside, filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
		_, err := openLayout(t, dir).Write(t.Context(), p, nil)
		if err == nil || !strings.Contains(err.Error(), "want a folder, found a symbolic link") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestANewFolderNeedsItsParent(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not-mounted", "layout")
	if _, err := archive.OpenLayout(dir); err == nil || !strings.Contains(err.Error(), "mount the medium") {
		t.Errorf("%v", err)
	}
}
