package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

var errDown = errors.New("the registry is down")

// TestFoundAndNotFetchable wants an error for what belongs to the image and is not
// there, and for anything that the connection does not deliver.
func TestFoundAndNotFetchable(t *testing.T) {
	b := newBuild()
	amd, arm := b.image(t, "", "amd64"), b.image(t, "", "arm64")
	root := b.index(t, "v1", amd, arm)
	note := b.blob("application/x-note", "note")
	ref := b.refer(t, root, note)
	config := configOf(t, b, amd)
	sig := "sha256-" + root.Digest.Hex() + ".sig"
	for what, key := range map[string]string{
		"tag": repo + ":v1", "child": string(arm.Digest), "config": string(config), "signature": repo + ":" + sig,
		"referrer": string(ref.Digest), "piece of evidence": string(note.Digest),
	} {
		src := b.Clone()
		src.Fail[key] = errDown
		if _, err := collect(t, src, fixture.Request(t, "built:v1")); !errors.Is(err, errDown) {
			t.Errorf("%s: error %v, want that of the source", what, err)
		}
	}
	for what, d := range map[string]oci.Digest{"child": arm.Digest, "config": config} {
		src := b.Clone()
		delete(src.Blobs, d)
		if _, err := collect(t, src, fixture.Request(t, "built:v1")); !errors.Is(err, oci.ErrNotFound) {
			t.Errorf("%s gone: error %v, want that it was not found", what, err)
		}
	}
}

func configOf(t testing.TB, b build, d oci.Descriptor) oci.Digest {
	t.Helper()
	m, faults := oci.ParseManifest(b.Blobs[d.Digest], d.MediaType)
	if m == nil {
		t.Fatal(faults)
	}
	return m.Config.Digest
}

func TestReferrersListFails(t *testing.T) {
	src := failingReferrers{newBuild()}
	src.image(t, "v1", "amd64")
	if _, err := collect(t, src, fixture.Request(t, "built:v1")); !errors.Is(err, errDown) {
		t.Errorf("error %v, want that of the source", err)
	}
}

type failingReferrers struct{ build }

func (failingReferrers) Referrers(context.Context, string, oci.Digest) ([]oci.Descriptor, error) {
	return nil, errDown
}

// TestWrongContentFromTheSource wants an error from the digest for a source that
// delivers other content than was requested, whatever that content is.
func TestWrongContentFromTheSource(t *testing.T) {
	b := newBuild()
	amd, arm := b.image(t, "", "amd64"), b.image(t, "", "arm64")
	root := b.index(t, "v1", amd)
	note := b.blob("application/x-note", "note")
	ref := b.refer(t, root, note)
	other := b.Blobs[arm.Digest]
	for what, d := range map[string]oci.Digest{"child": amd.Digest, "config": configOf(t, b, amd)} {
		src := b.Clone()
		src.Blobs[d] = other
		_, err := collect(t, src, fixture.Request(t, "built:v1"))
		wantFault(t, err, check.BlobDigest)
		if err != nil && !strings.Contains(err.Error(), "the source returned another") {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, d := range []oci.Digest{ref.Digest, note.Digest} {
		src := b.Clone()
		src.Blobs[d] = other
		wantLeftOut(t, plan(t, src, fixture.Request(t, "built:v1")), bundle.LeftOut{
			Subject: root.Digest, Digest: ref.Digest, Type: claimed(d == note.Digest), Reason: bundle.ReasonMismatch,
		})
	}
	src := b.Clone()
	src.Blobs[root.Digest] = other
	byDigest := fixture.Request(t)
	byDigest.Images = []oci.Reference{{Repository: repo, Digest: root.Digest}}
	wantFault(t, second(collect(t, src, byDigest)), check.BlobDigest)
}

func TestMalformedManifestIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(string) string
		want   check.ID
	}{
		"duplicate name": {func(s string) string { return strings.Replace(s, `"layers":`, `"layers":[],"layers":`, 1) },
			check.ManifestJSON},
		"no media type": {func(s string) string { return strings.Replace(s, oci.TypeManifest, "application/json", 1) },
			check.ManifestMediaType},
		"too large": {func(s string) string { return s + strings.Repeat(" ", 5<<20) }, check.LimitManifest},
		"path as digest": {func(s string) string {
			return strings.Replace(s, `"digest":"sha256:`, `"digest":"sha256:../`, 1)
		}, check.ManifestDigest},
	} {
		b := newBuild()
		d := b.image(t, "", "amd64")
		raw := []byte(c.change(string(b.Blobs[d.Digest])))
		b.Push(repo, "v1", oci.TypeManifest, raw)
		_, err := collect(t, b, fixture.Request(t, "built:v1"))
		if f := (*check.Fault)(nil); !errors.As(err, &f) || f.ID != c.want {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
	}
}

// TestCollectKeepsTheBudgets wants a hostile registry not to make Collect hold more
// than the budget.
func TestCollectKeepsTheBudgets(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	b.refer(t, root, b.blob("application/x-note", strings.Repeat("note", 1000)))
	for name, change := range map[string]func(*oci.Limits){
		"metadata": func(l *oci.Limits) { l.Metadata = 400 },
		"config":   func(l *oci.Limits) { l.Config = 10 },
		"manifest": func(l *oci.Limits) { l.Manifest = 10 },
	} {
		req := fixture.Request(t, "built:v1")
		change(&req.Limits)
		if _, err := collect(t, b, req); err == nil || !strings.Contains(err.Error(), "budget") {
			t.Errorf("%s: error %v, want one that names the budget", name, err)
		}
	}
}

// TestCollectCountsBlobs wants an image that names more blobs than a bundle may have to
// end the export before their names fill the memory, and evidence that does to be left
// out.
func TestCollectCountsBlobs(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	var notes []oci.Descriptor
	for i := range 20 {
		notes = append(notes, b.blob("application/x-note", fmt.Sprint("note ", i)))
	}
	note := b.refer(t, root, notes...)
	req := fixture.Request(t, "built:v1")
	req.Limits.Entries = 20
	wantLeftOut(t, plan(t, b, req), bundle.LeftOut{
		Subject: root.Digest, Digest: note.Digest, Type: "application/x-note", Reason: bundle.ReasonOverBudget,
	})
	req.Limits.Entries = 3
	_, err := collect(t, b, req)
	fault := (*check.Fault)(nil)
	if !errors.As(err, &fault) || fault.ID != check.LimitEntries || !strings.Contains(err.Error(), "built:v1") {
		t.Errorf("got %v", err)
	}
}

// TestEvidenceGivesWay wants what belongs to the image to be carried where there is
// not enough room for all evidence.
func TestEvidenceGivesWay(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	note := b.refer(t, root, b.blob("application/x-note", strings.Repeat("note", 1000)))
	req := fixture.Request(t, "built:v1")
	req.Limits.Metadata = 4500
	wantLeftOut(t, plan(t, b, req), bundle.LeftOut{
		Subject: root.Digest, Digest: note.Digest, Type: "application/x-note", Reason: bundle.ReasonOverBudget,
	})
}

func TestFetchThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		fetch bundle.Fetch
		want  func(error) bool
	}{
		"not available": {func(context.Context, oci.Digest, int64) (io.ReadCloser, error) { return nil, errDown },
			isDown},
		"breaks off": {giving(func(size int64) io.Reader { return io.MultiReader(zeros(size/2), failing{}) }),
			isDown},
		"ends early":    {giving(func(size int64) io.Reader { return zeros(size / 2) }), isFault(check.BlobSize)},
		"other content": {giving(zeros), isFault(check.BlobDigest)},
	} {
		p := plan(t, fixture.NewRegistry(), fixture.Request(t, "app:v1"))
		var out bytes.Buffer
		if err := p.WriteStream(t.Context(), &out, c.fetch, func(int64) {}); !c.want(err) {
			t.Errorf("%s: stream: error %v", name, err)
		}
		if err := p.WriteFile(t.Context(), &memory{}, c.fetch, 2, func(int64) {}); !c.want(err) {
			t.Errorf("%s: file: error %v", name, err)
		}
		rep := fixture.VerifyStream(t, out.Bytes(), fixture.Options())
		if !slices.Contains(fixture.Failed(rep), "container.truncated") &&
			!slices.Contains(fixture.Failed(rep), "container.end") {
			t.Errorf("%s: what was written is refused for %v, not for its end", name, fixture.Failed(rep))
		}
	}
}

func isDown(err error) bool { return errors.Is(err, errDown) }

func isFault(id check.ID) func(error) bool {
	return func(err error) bool {
		f := (*check.Fault)(nil)
		return errors.As(err, &f) && f.ID == id
	}
}

func giving(body func(size int64) io.Reader) bundle.Fetch {
	return func(_ context.Context, _ oci.Digest, size int64) (io.ReadCloser, error) {
		return io.NopCloser(body(size)), nil
	}
}

func zeros(size int64) io.Reader { return bytes.NewReader(make([]byte, size)) }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errDown }
