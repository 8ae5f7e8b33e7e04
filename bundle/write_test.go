package bundle_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// memory is a file in memory.
type memory struct {
	mu sync.Mutex
	b  []byte
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if need := int(off) + len(p); need > len(m.b) {
		m.b = append(m.b, make([]byte, need-len(m.b))...)
	}
	return copy(m.b[off:], p), nil
}

var everything = []string{"app:v1", "app:v2", "app-v3:v1", "multi:v1", "dockerv2:v1", "twokeys:v1", "both:v1",
	"bundle:v1"}

func TestWriteFileEqualsWriteStream(t *testing.T) {
	p, fetch, err := bundle.Collect(t.Context(), fixture.NewRegistry(), fixture.Request(t, everything...))
	if err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	var reported int64
	if err := p.WriteStream(t.Context(), &stream, fetch, func(n int64) { reported += n }); err != nil {
		t.Fatal(err)
	}
	var file memory
	if err := p.WriteFile(t.Context(), &file, fetch, 4, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stream.Bytes(), file.b) || int64(len(file.b)) != p.Size {
		t.Errorf("stream of %d bytes, file of %d, planned %d: not the same", stream.Len(), len(file.b), p.Size)
	}
	if reported != p.ContentSize() {
		t.Errorf("progress reported %d bytes, planned %d", reported, p.ContentSize())
	}
}

func TestSameInputSameBytes(t *testing.T) {
	want := fixture.Bundle(t, everything...)
	images := slices.Clone(everything)
	for range 5 {
		rand.Shuffle(len(images), func(i, j int) { images[i], images[j] = images[j], images[i] })
		if got := fixture.Bundle(t, append(images, images[0])...); !bytes.Equal(got, want) {
			t.Fatalf("images %v make another bundle", images)
		}
	}
	req := fixture.Request(t, "app:v1")
	other := fixture.Key("other.pub")
	req.Keys = append(req.Keys, bundle.PublicKey{Fingerprint: other.Fingerprint(), PEM: []byte(other.PEM())})
	first := fixture.Export(t, fixture.NewRegistry(), req)
	slices.Reverse(req.Keys)
	req.Keys = append(req.Keys, req.Keys[0])
	if got := fixture.Export(t, fixture.NewRegistry(), req); !bytes.Equal(got, first) {
		t.Error("keys in another order make another bundle")
	}
}

func TestSharedBlobsAreStoredOnce(t *testing.T) {
	one, three := fixture.Bundle(t, "unsigned:v1"), fixture.Bundle(t, "unsigned:v1", "app:v1", "notlog:v1")
	names := map[string]int{}
	for _, f := range fixture.Files(three) {
		names[f.Name]++
	}
	for name, n := range names {
		if n != 1 {
			t.Errorf("%s is in the file %d times", name, n)
		}
	}
	for _, f := range fixture.Files(one)[5:] {
		if names[f.Name] == 0 {
			t.Errorf("%s of the shared image is missing", f.Name)
		}
	}
}

func TestOneDigestUnderTwoReferences(t *testing.T) {
	p := plan(t, fixture.NewRegistry(), fixture.Request(t, "app:v1", "notlog:v1"))
	imgs := p.Inventory.Images
	if len(imgs) != 2 || imgs[0].Digest != imgs[1].Digest || imgs[0].Reference == imgs[1].Reference {
		t.Fatalf("images %+v, want one digest under two references", imgs)
	}
	for _, img := range imgs {
		if n := strings.Count(string(p.Index), `"org.opencontainers.image.ref.name":"`+img.Reference+`"`); n != 1 {
			t.Errorf("%s has %d entries in index.json, want 1", img.Reference, n)
		}
	}
}

// TestTwoDigestsUnderOneReference wants a tag that moves between two requests not to
// put two images under one name.
func TestTwoDigestsUnderOneReference(t *testing.T) {
	src := &moving{newBuild()}
	src.image(t, "a", "amd64")
	src.image(t, "b", "arm64")
	if _, err := collect(t, src, fixture.Request(t, "built:v1", "built:v1")); err == nil ||
		!strings.Contains(err.Error(), "each reference once") {
		t.Errorf("error %v", err)
	}
}

type moving struct{ build }

func (m *moving) Manifest(ctx context.Context, repository, what string) ([]byte, string, error) {
	if what == "v1" {
		m.Tags[repo+":a"], m.Tags[repo+":b"] = m.Tags[repo+":b"], m.Tags[repo+":a"]
		what = "a"
	}
	return m.Registry.Manifest(ctx, repository, what)
}

func TestKeysAreArtifacts(t *testing.T) {
	p := plan(t, fixture.NewRegistry(), fixture.Request(t, "app:v1"))
	k := p.Inventory.Keys[0]
	want, err := bundle.KeyArtifact([]byte(fixture.Key("cosign.pub").PEM()))
	if err != nil || !bytes.Equal(p.Meta[k.Digest], want) || k.Fingerprint != fixture.Key("cosign.pub").Fingerprint() {
		t.Errorf("key %+v is stored as %s, %v", k, p.Meta[k.Digest], err)
	}
}

func TestEvidenceFromAnotherRepository(t *testing.T) {
	reg := fixture.NewRegistry()
	req := fixture.Request(t, "unsigned:v1")
	if got := plan(t, reg, req).Inventory.Images[0].Evidence; len(got) != 0 {
		t.Fatalf("evidence %v", got)
	}
	req.Evidence = fixture.Host + "notlog"
	if got := plan(t, reg, req).Inventory.Images[0].Evidence; len(got) != 1 || got[0].Kind != oci.KindSignature {
		t.Errorf("evidence %v, want the signature of the other repository", got)
	}
}

func TestOnResolvedGetsEachDigest(t *testing.T) {
	req := fixture.Request(t, "app:v1", "app:v2")
	resolved := map[string]oci.Digest{}
	req.OnResolved = func(ref oci.Reference, d oci.Digest) { resolved[ref.String()] = d }
	for _, img := range plan(t, fixture.NewRegistry(), req).Inventory.Images {
		if resolved[img.Reference] != img.Digest {
			t.Errorf("%s: resolved to %s, want %s", img.Reference, resolved[img.Reference], img.Digest)
		}
	}
}

func TestCancelledContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	raw := fixture.Bundle(t, "app:v1")
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Hash(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("file: error %v", err)
	}
	if r, err = bundle.OpenStream(bytes.NewReader(raw), oci.DefaultLimits()); err != nil {
		t.Fatal(err)
	}
	if err := r.Hash(ctx, nil, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("pipe: error %v", err)
	}
	p := plan(t, fixture.NewRegistry(), fixture.Request(t, "app:v1"))
	fetch := func(ctx context.Context, _ oci.Digest, _ int64) (io.ReadCloser, error) { return nil, ctx.Err() }
	if err := p.WriteFile(ctx, &memory{}, fetch, 2, func(int64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("write: error %v", err)
	}
}

func TestWriterThatFails(t *testing.T) {
	p, fetch, err := bundle.Collect(t.Context(), fixture.NewRegistry(), fixture.Request(t, "app:v1"))
	if err != nil {
		t.Fatal(err)
	}
	for room := int64(0); room < p.Size; room += 500 {
		if err := p.WriteStream(t.Context(), &full{room: room}, fetch, func(int64) {}); !errors.Is(err, errFull) {
			t.Fatalf("with room for %d bytes: error %v", room, err)
		}
		if err := p.WriteFile(t.Context(), &full{room: room}, fetch, 2, func(int64) {}); !errors.Is(err, errFull) {
			t.Fatalf("file with room for %d bytes: error %v", room, err)
		}
	}
}

var errFull = errors.New("no space left on device")

// full is a device with room for a number of bytes.
type full struct {
	room, at int64
	memory
}

func (f *full) Write(p []byte) (int, error) {
	n, err := f.WriteAt(p, f.at)
	f.at += int64(n)
	return n, err
}

func (f *full) WriteAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.room {
		return 0, errFull
	}
	return f.memory.WriteAt(p, off)
}

func TestEvidenceFromARepositoryOfOneImage(t *testing.T) {
	req := fixture.Request(t, "unsigned:v1", "app:v2")
	req.EvidenceFor = func(ref oci.Reference) string {
		if ref.Repository == fixture.Host+"unsigned" {
			return fixture.Host + "notlog"
		}
		return ""
	}
	for _, img := range plan(t, fixture.NewRegistry(), req).Inventory.Images {
		if strings.HasPrefix(img.Reference, fixture.Host+"unsigned") && len(img.Evidence) != 1 {
			t.Errorf("%s: evidence %v, want the signature of its other repository", img.Reference, img.Evidence)
		}
	}
}
