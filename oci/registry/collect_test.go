package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	memory "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
)

// TestAnswersAboutEvidence exports an image that can be read, from a registry that
// answers requests for evidence in every other way. A final answer is recorded as left
// out, unless it means that there is no such API. One that may pass ends the export: a
// bundle must not lack signatures because a registry was busy.
func TestAnswersAboutEvidence(t *testing.T) {
	final := []int{400, 401, 402, 403, 405, 406, 409, 410, 412, 415, 422, 423, 451, 501, 505}
	passing := []int{408, 425, 429, 499, 500, 502, 503, 504, 522}
	noAPI := map[int]bool{400: true, 405: true, 406: true, 410: true, 422: true, 501: true}
	for _, place := range []string{"tag", "api", "fallback tag", "manifest", "blob"} {
		for _, code := range slices.Concat(final, passing) {
			t.Run(fmt.Sprintf("%s %d", place, code), func(t *testing.T) {
				l := newLab(t, memory.WithReferrersSupport(true))
				e := newExported(t, l)
				l.on(e.paths[place], status(code, "UNKNOWN"))
				plan, err := e.collect()
				if slices.Contains(final, code) == (err != nil) {
					t.Fatalf("export: %v", err)
				}
				if err != nil {
					wantText(t, err, e.ref.String()+": ", e.names[place], fmt.Sprint(code))
					return
				}
				e.wantLeftOut(t, place, noAPI[code], plan.Inventory.Images[0].LeftOut)
			})
		}
	}
}

// exported is an image with a referrer, and where each piece of evidence about it is.
type exported struct {
	lab   *lab
	ref   oci.Reference
	note  oci.Descriptor
	paths map[string]string // suffixes of the requests
	names map[string]string // what a message says about each
}

func newExported(t *testing.T, l *lab) *exported {
	t.Helper()
	config := l.putBlob([]byte("{}"))
	config.MediaType = "application/vnd.acme.config.v1+json"
	image := func(members map[string]any) []byte {
		members["schemaVersion"], members["mediaType"] = 2, oci.TypeManifest
		members["config"] = config
		return toJSON(t, members)
	}
	raw := image(map[string]any{"layers": []oci.Descriptor{}})
	root := oci.Descriptor{MediaType: oci.TypeManifest, Digest: oci.FromBytes(raw), Size: int64(len(raw))}
	l.putManifest("v1", oci.TypeManifest, raw)
	layer := l.putBlob([]byte("a note"))
	layer.MediaType = "application/x-note"
	raw = image(map[string]any{"layers": []oci.Descriptor{layer}, "subject": root, "artifactType": layer.MediaType})
	note := l.putManifest(string(oci.FromBytes(raw)), oci.TypeManifest, raw)
	ref, err := oci.ParseReference(l.repo + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	tag := fallback(root.Digest)
	return &exported{
		lab: l, ref: ref, note: oci.Descriptor{Digest: note},
		paths: map[string]string{
			"tag": "/manifests/" + tag + ".sig", "api": "/referrers/" + string(root.Digest),
			"fallback tag": "/manifests/" + tag, "manifest": "/manifests/" + string(note),
			"blob": "/blobs/" + string(layer.Digest),
		},
		names: map[string]string{
			"tag": "evidence at tag " + tag + ".sig", "api": "referrers of " + string(root.Digest),
			"fallback tag": "fallback tag " + tag, "manifest": "referrer " + string(note),
			"blob": "referrer " + string(note),
		},
	}
}

func (e *exported) collect() (*bundle.Plan, error) {
	src := e.lab.source(Options{})
	plan, _, err := bundle.Collect(context.Background(), src, bundle.Request{Images: []oci.Reference{e.ref}})
	return plan, err
}

// wantLeftOut wants one entry for what could not be read at a place, none if it was
// understood as the lack of an API.
func (e *exported) wantLeftOut(t *testing.T, place string, noAPI bool, got []bundle.LeftOut) {
	t.Helper()
	if place == "api" && noAPI {
		if len(got) != 0 {
			t.Errorf("left out %+v", got)
		}
		return
	}
	if len(got) != 1 || got[0].Reason != bundle.ReasonDenied {
		t.Fatalf("left out %+v", got)
	}
	l := got[0]
	ok := map[string]bool{
		"tag":          strings.HasSuffix(l.Tag, ".sig") && !l.Exists(),
		"api":          l.Type == oci.TypeIndex && !l.Exists(),
		"fallback tag": l.Type == oci.TypeIndex && !l.Exists(),
		"manifest":     l.Digest == e.note.Digest && l.Exists(),
		"blob":         l.Digest == e.note.Digest && l.Exists(),
	}
	if !ok[place] {
		t.Errorf("left out %+v", l)
	}
}
