package bundle_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// written writes a plan to a pipe.
func written(t *testing.T, p *bundle.Plan, fetch bundle.Fetch) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := p.WriteStream(context.Background(), &b, fetch, func(int64) {}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestAddSeal compares a sealed plan with what the independent writer of the tests
// makes, and with the bundle before it was sealed.
func TestAddSeal(t *testing.T) {
	p, fetch, err := bundle.Collect(context.Background(), fixture.NewRegistry(), fixture.Request(t, "app-v3:v1"))
	if err != nil {
		t.Fatal(err)
	}
	plain := fixture.Files(written(t, p, fetch))
	if p.Sealed || p.Manifest != oci.FromBytes(plain[2].Data) {
		t.Errorf("sealed %t, manifest %s", p.Sealed, p.Manifest)
	}
	for _, envelope := range []string{"one seal", "another"} { // the last one replaces the first
		if err := p.AddSeal([]byte(envelope)); err != nil {
			t.Fatal(err)
		}
		f := fixture.Open(fixture.Pack(plain))
		f.Seal = func(oci.Digest) []byte { return []byte(envelope) }
		raw := written(t, p, fetch)
		if want := f.Build(); !bytes.Equal(raw, want) || p.Size != int64(len(want)) ||
			p.Identity() != oci.FromBytes(fixture.Files(want)[1].Data) {
			t.Fatalf("%s: %d bytes, want %d", envelope, len(raw), len(want))
		}
		sealed := fixture.Files(raw)
		line := bytes.LastIndex(sealed[1].Data, []byte(`,{"mediaType"`))
		if string(sealed[1].Data[:line])+"]}" != string(plain[1].Data) {
			t.Error("index.json differs in more than the seal's line")
		}
		rest := append(sealed[2:5:5], sealed[7:]...)
		for i, e := range rest {
			if e.Name != plain[i+2].Name || !bytes.Equal(e.Data, plain[i+2].Data) {
				t.Errorf("entry %s is another", e.Name)
			}
		}
	}
}

func TestAddSealRefuses(t *testing.T) {
	p, _, err := bundle.Collect(context.Background(), fixture.NewRegistry(), fixture.Request(t, "app-v3:v1"))
	if err != nil {
		t.Fatal(err)
	}
	for name, envelope := range map[string][]byte{"nothing": nil, "too much": make([]byte, bundle.MaxSeal+1)} {
		if err := p.AddSeal(envelope); err == nil || p.Sealed {
			t.Errorf("%s: %v", name, err)
		}
	}
	p.Limits.Metadata = 6000 // the bundle has less without the seal, and more with it
	if err := p.AddSeal(make([]byte, 6000)); err == nil || !strings.Contains(err.Error(), "limit.metadata") {
		t.Error(err)
	}
}

// TestTheSealComesBeforeContent reads a pipe up to the first content, which must
// include the seal.
func TestTheSealComesBeforeContent(t *testing.T) {
	by := fixture.NewSealer()
	raw := by.SealedBundle(fixture.Bundle(t, "app-v3:v1"))
	at := fixture.Offsets(raw)
	r, err := bundle.OpenStream(bytes.NewReader(raw[:at[7]+512]), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if files := fixture.Files(raw); !r.Sealed || !bytes.Equal(r.Seal, files[6].Data) ||
		r.Manifest != oci.FromBytes(files[2].Data) {
		t.Errorf("sealed %t, %d bytes, manifest %s", r.Sealed, len(r.Seal), r.Manifest)
	}
}
