package load_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/load"
)

const appRepo = "registry.plant:5000/mirror/acme/app"

// appLoaded is a destination that has app:v1, and the tag of its signatures.
func appLoaded(t *testing.T) (m *memory, raw []byte, tag string) {
	t.Helper()
	m, raw = newMemory(), fixture.Bundle(t, "app:v1")
	rep, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, plant)
	if err != nil {
		t.Fatal(err)
	}
	return m, raw, "sha256-" + strings.TrimPrefix(rep.Loaded.Images[0].Digest, "sha256:") + ".sig"
}

// retag gives a tag of app to its manifest after a change, and returns the digest of that.
func (m *memory) retag(tag string, change func(doc map[string]any)) oci.Digest {
	r := m.repo(appRepo)
	doc := map[string]any{}
	if err := json.Unmarshal(r.manifests[r.tags[tag]], &doc); err != nil {
		panic(err)
	}
	change(doc)
	raw, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	d := oci.FromBytes(raw)
	r.manifests[d], r.tags[tag] = raw, d
	return d
}

// signAgain adds a layer, as cosign does if somebody signs once more.
func signAgain(doc map[string]any) {
	layers := doc["layers"].([]any)
	other := map[string]any{}
	for k, v := range layers[0].(map[string]any) {
		other[k] = v
	}
	other["annotations"] = map[string]string{"dev.cosignproject.cosign/signature": "another"}
	doc["layers"] = append(layers, other)
}

// signOtherwise replaces the signature.
func signOtherwise(doc map[string]any) {
	signAgain(doc)
	doc["layers"] = doc["layers"].([]any)[1:]
}

func wantNote(t *testing.T, rep *verify.Report, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if notes := strings.Join(rep.Loaded.Images[0].Notes, "\n"); !strings.Contains(notes, part) {
			t.Errorf("want %q in the notes:\n%s", part, notes)
		}
	}
}

func TestMoreSignaturesAtTheDestinationStay(t *testing.T) {
	m, raw, tag := appLoaded(t)
	there := m.retag(tag, signAgain)
	for _, over := range []bool{false, true} {
		o := plant
		o.OverwriteTags = over
		rep, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, o)
		if err != nil || !rep.Loaded.Images[0].ReadBack || m.repo(appRepo).tags[tag] != there {
			t.Errorf("error %v, the tag names %s", err, m.repo(appRepo).tags[tag])
		}
		wantNote(t, rep, string(there)+", which has all signatures of the bundle and 1 more; it stays")
	}
	delete(m.repo(appRepo).tags, "v1") // the image's own tag is set beside it
	if _, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, plant); err != nil {
		t.Error(err)
	}
}

func TestOtherSignaturesAtTheDestination(t *testing.T) {
	m, raw, tag := appLoaded(t)
	ours := m.repo(appRepo).tags[tag]
	there := m.retag(tag, signOtherwise)
	rep, err := load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, plant)
	if !errors.As(err, new(*load.Error)) || m.repo(appRepo).tags[tag] != there {
		t.Fatalf("error %v, the tag names %s", err, m.repo(appRepo).tags[tag])
	}
	for _, want := range []string{"different signatures of the image", string(there), string(ours)} {
		if got := string(rep.Loaded.Images[0].Error); !strings.Contains(got, want) {
			t.Errorf("want %q in %s", want, got)
		}
	}
	o := plant
	o.OverwriteTags = true
	rep, err = load.Bundle(t.Context(), open(t, raw), fixture.Options(), m, o)
	if err != nil || m.repo(appRepo).tags[tag] != ours {
		t.Fatalf("error %v, the tag names %s", err, m.repo(appRepo).tags[tag])
	}
	wantNote(t, rep, fmt.Sprintf("%s named %s and now names %s: other signatures were replaced", tag, there, ours))
}

// TestMoreSignaturesInTheBundle loads a bundle of an image that was signed once more since
// the last load.
func TestMoreSignaturesInTheBundle(t *testing.T) {
	m, raw, tag := appLoaded(t)
	older := m.repo(appRepo).tags[tag]
	f := fixture.Open(raw)
	newer := f.Edit(older, func(s string) string {
		doc := map[string]any{}
		if err := json.Unmarshal([]byte(s), &doc); err != nil {
			t.Fatal(err)
		}
		signAgain(doc)
		b, err := json.Marshal(doc)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
	rep, err := load.Bundle(t.Context(), open(t, f.Build()), fixture.Options(), m, plant)
	if err != nil || m.repo(appRepo).tags[tag] != newer {
		t.Fatalf("error %v, the tag names %s", err, m.repo(appRepo).tags[tag])
	}
	wantNote(t, rep, fmt.Sprintf("%s named %s and now names %s, which has the same signatures and more",
		tag, older, newer))
}

// TestTagsOfEvidenceAreNotForImages has a verified image whose tag is one under which the
// evidence of another image is found.
func TestTagsOfEvidenceAreNotForImages(t *testing.T) {
	for _, suffix := range []string{"", ".sig", ".att", ".other"} {
		m, _, tag := appLoaded(t)
		tag = strings.TrimSuffix(tag, ".sig") + suffix
		was := m.repo(appRepo).tags[tag]
		f := fixture.Open(fixture.Bundle(t, "app:v2", "multi:v1"))
		for i := range f.Inventory.Images {
			img := &f.Inventory.Images[i]
			img.Reference = strings.Replace(img.Reference, "app:v2", "app:"+tag, 1)
		}
		o := plant
		o.OverwriteTags = true
		rep, err := load.Bundle(t.Context(), open(t, f.Build()), fixture.Options(), m, o)
		if rep == nil || !errors.As(err, new(*load.Error)) || m.repo(appRepo).tags[tag] != was {
			t.Fatalf("%s: error %v, the tag names %s", tag, err, m.repo(appRepo).tags[tag])
		}
		for _, img := range rep.Loaded.Images {
			want := strings.Contains(img.Reference, tag)
			if got := strings.Contains(string(img.Error), "cannot be the tag of an image"); got != want {
				t.Errorf("%s: %s", img.Reference, img.Error)
			}
		}
	}
}
