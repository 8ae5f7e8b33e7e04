package docs

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/seal"
	"github.com/gapseal/gapseal/verify/trust"
)

// exampleSealer returns the signer of the seal in format.md. Its Ed25519 key is
// made from a seed of 32 bytes of the value 7, so that readers can repeat the
// example. Ed25519 signatures are deterministic.
func exampleSealer(t testing.TB) *dsse.Signer {
	t.Helper()
	signer, err := dsse.NewSigner(ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// sealedExample returns the example of format.md, sealed.
func sealedExample(t testing.TB) []byte {
	f := fixture.Open(example(t))
	f.Seal = func(manifest oci.Digest) []byte {
		exported := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
		statement := seal.Statement{Inventory: manifest, Stream: "acme", Serial: 118, ExportedAt: exported}
		envelope, err := seal.Make(statement, exampleSealer(t))
		if err != nil {
			t.Fatal(err)
		}
		return envelope
	}
	return f.Build()
}

func sealParts() map[string]func(testing.TB) string {
	sealed := func(i int) func(testing.TB) string {
		return func(t testing.TB) string { return fenced("json", string(fixture.Files(sealedExample(t))[i].Data)) }
	}
	return map[string]func(testing.TB) string{
		"seal manifest": sealed(5),
		"seal":          sealed(6),
		"seal key":      func(t testing.TB) string { return fenced("", exampleSealer(t).Public().PEM()) },
		"seal payload": func(t testing.TB) string {
			envelope := fixture.Files(sealedExample(t))[6].Data
			keys := []*trust.Key{exampleSealer(t).Public()}
			payload, _, err := dsse.Open(envelope, bundle.TypeSeal, keys)
			if err != nil {
				t.Fatal(err)
			}
			return fenced("json", string(payload))
		},
	}
}

// TestSealedExample verifies the sealed example that format.md prints.
func TestSealedExample(t *testing.T) {
	opt := fixture.Options()
	opt.SealKeys = []*trust.Key{exampleSealer(t).Public()}
	rep := fixture.Verify(t, sealedExample(t), opt)
	if rep.Verdict != check.Verified || rep.Seal == nil || rep.Seal.Serial != 118 {
		t.Errorf("failed %v, seal %+v", fixture.Failed(rep), rep.Seal)
	}
}
