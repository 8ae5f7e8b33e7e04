package evidence_test

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/trust"
)

// The image that all samples except the multi-platform ones are about.
const image = oci.Digest("sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226")

// Manifests in testdata/blobs.
const (
	attKey       = oci.Digest("sha256:4b3418533293cbb1d64b26826be72925bdf847a8403d7afe5011e2ea64da6aec") // cosign 2, SLSA and SPDX
	attBoth      = oci.Digest("sha256:21e658d4fc6f4be26c6e396c551f5ee30fe4ec01266c83dc3528d946844f076e")
	sigKey       = oci.Digest("sha256:8a9bbece7aa538c42defb85f52c7bd7e5f69d0ac45c1c631b563f47ed830338b")
	sigKeyless   = oci.Digest("sha256:5babc9397b3744a0870bcc1e46373640ff50c58f440c8092fa0a20d13f28c644")
	sigNoLog     = oci.Digest("sha256:228459d87ff9edb15a1c9902790e0d9fe01d1e9c3757b0da0f06b361cd4ac4c6")
	bundleKey    = oci.Digest("sha256:5af1d14501dae77daaaa43d7ad788d9150177b9660ab0fad7b1ff1cd376b330e") // cosign 3, Rekor v1
	bundleSLSA   = oci.Digest("sha256:35129a56b8d269b26f2bf69cd95f9efe1636aed6bf9f0b9bd7f48fd038e2f030")
	bundleNoLog  = oci.Digest("sha256:e5d2ddcdbc00b0450deaa22b5ba43075b093e177c96f813e54498bf99d8caca1")
	bundleCert   = oci.Digest("sha256:0d30e89fbcdccd77040eadb0df47d9e09d784f7009fc235076cd4de5978ba7ae")
	bundleRekor2 = oci.Digest("sha256:4e9ca62ddae32dac939e54956817ad3a4f5c8e495d55a6bf1c1864f080f06563")
)

const typeV03 = "application/vnd.dev.sigstore.bundle.v0.3+json"

// store is content by digest, to which a test may add.
type store map[oci.Digest][]byte

func (s store) blob(d oci.Digest) []byte { return s[d] }

func (s store) put(raw []byte) oci.Digest {
	d := oci.FromBytes(raw)
	s[d] = raw
	return d
}

func loadStore(t testing.TB) store {
	t.Helper()
	files, err := filepath.Glob("testdata/blobs/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no test data", err)
	}
	s := store{}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if d := s.put(raw); d.Hex()+".json" != filepath.Base(name) {
			t.Fatalf("%s has the digest %s", name, d)
		}
	}
	return s
}

// layer returns the blob of a manifest's layer.
func (s store) layer(t testing.TB, manifest oci.Digest, i int) []byte {
	t.Helper()
	var m struct{ Layers []oci.Descriptor }
	if err := json.Unmarshal(s[manifest], &m); err != nil {
		t.Fatal(err)
	}
	return s[m.Layers[i].Digest]
}

// swap replaces the one layer of a manifest.
func (s store) swap(t testing.TB, manifest oci.Digest, raw []byte) oci.Digest {
	t.Helper()
	old := oci.FromBytes(s.layer(t, manifest, 0))
	return s.put(replace(t, s[manifest], string(old), string(s.put(raw))))
}

// replace replaces texts, each of which must occur exactly once.
func replace(t testing.TB, raw []byte, pairs ...string) []byte {
	t.Helper()
	text := string(raw)
	for i := 0; i < len(pairs); i += 2 {
		if n := strings.Count(text, pairs[i]); n != 1 {
			t.Fatalf("%q occurs %d times, want once", pairs[i], n)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return []byte(text)
}

// wantFaults asserts the ids of faults, in order, and that each has a detail of a
// reasonable length.
func wantFaults(t testing.TB, faults []*check.Fault, want ...check.ID) {
	t.Helper()
	ok := len(faults) == len(want)
	for i, f := range faults {
		ok = ok && f.ID == want[i] && f.Detail != "" && len(f.Error()) < 2000
	}
	if !ok {
		t.Errorf("faults %v, want %v", faults, want)
	}
}

// wantFault asserts the id of one fault and part of what it says.
func wantFault(t testing.TB, f *check.Fault, id check.ID, says string) {
	t.Helper()
	if f == nil || f.ID != id || !strings.Contains(f.Error(), says) {
		t.Errorf("fault %v, want %s saying %q", f, id, says)
	}
}

// wantVerifies asserts that Signature verifies over Message, under the key of the
// certificate or cosign.pub.
func wantVerifies(t testing.TB, e evidence.Evidence) {
	t.Helper()
	pem, err := os.ReadFile("testdata/cosign.pub")
	if err != nil {
		t.Fatal(err)
	}
	key, err := trust.ParseKey(pem)
	if err != nil {
		t.Fatal(err)
	}
	if e.Cert != nil {
		cert, err := x509.ParseCertificate(e.Cert)
		if err != nil {
			t.Fatal(err)
		}
		if key, err = trust.NewKey(cert.PublicKey); err != nil {
			t.Fatal(err)
		}
	}
	if err := key.Verify(e.Message, e.Signature); err != nil {
		t.Errorf("%s: %v", e.ID(), err)
	}
}

// only returns the single element.
func only(t testing.TB, all []evidence.Evidence) evidence.Evidence {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d pieces of evidence, want one", len(all))
	}
	return all[0]
}
