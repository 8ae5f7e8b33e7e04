package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

var p224 = elliptic.P224()

func ecdsaKey(c elliptic.Curve) *ecdsa.PrivateKey {
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		panic(err)
	}
	return k
}

// certificate is a self-signed certificate for an entry.
func certificate(t *testing.T, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "signer"},
		NotBefore: fixture.SignedAt.Add(-time.Hour), NotAfter: fixture.SignedAt.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// invalidPoint is a key whose point does not lie on its curve.
func invalidPoint() []byte {
	block, _ := pem.Decode(fixture.PEM(&publisher().Key.PublicKey))
	block.Bytes[len(block.Bytes)-1] ^= 1
	return pem.EncodeToMemory(block)
}

// malleated replaces s by n-s, which verifies too.
func malleated(signature string) string {
	raw, _ := base64.StdEncoding.DecodeString(signature)
	r, s := points(raw)
	return base64.StdEncoding.EncodeToString(der(r, new(big.Int).Sub(elliptic.P256().Params().N, s)))
}

// hashIn returns the payload's hash in the body of an entry, rehash replaces it.
func hashIn(body []byte) string {
	_, rest, _ := strings.Cut(string(body), `"value":"`)
	return rest[:2*sha256.Size]
}

func rehash(body []byte, hash string) []byte { return fixture.Swap(hashIn(body), hash)(body) }

func anchor(t *testing.T, pub crypto.PublicKey) *trust.Key {
	t.Helper()
	k, err := trust.NewKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pin makes pub the one pinned key, by file.
func pin(t *testing.T, pub crypto.PublicKey) func(*verify.Options) {
	return func(o *verify.Options) { o.Keys = []*trust.Key{anchor(t, pub)} }
}

// pinPrint pins pub by fingerprint alone.
func pinPrint(t *testing.T, pub crypto.PublicKey) func(*verify.Options) {
	return func(o *verify.Options) { o.Keys, o.Fingerprints = nil, []string{anchor(t, pub).Fingerprint()} }
}

// noKeys removes the key artifact from the bundle.
func noKeys(f *fixture.Forge) { f.Inventory.Keys = []bundle.Key{} }

// carry replaces the publisher's key in the bundle by pem.
func carry(pem []byte) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		m, _ := oci.ParseManifest(f.Blobs[f.Inventory.Keys[0].Digest], oci.TypeManifest)
		f.Replace(m.Layers[0].Digest, pem)
		if k, err := trust.ParseKey(pem); err == nil {
			f.Inventory.Keys[0].Fingerprint = k.Fingerprint()
		}
	}
}

func TestKeyThreats(t *testing.T) {
	mine, unpinned := &publisher().Key.PublicKey, fixture.NewSigner(t)
	weakEC := ecdsaKey(p224)
	rsa1024 := rsaKey(t, 1024)
	byRSA := one(signRSA(rsa1024))
	threats(t, "trust", []threat{
		{name: "public key taken from the bundle itself, no external pin", opt: func(o *verify.Options) { o.Keys = nil }, want: "trust.unanchored"},
		{name: "no external pin, and the bundle carries no key", opt: func(o *verify.Options) { o.Keys = nil }, forge: noKeys, want: "trust.unanchored"},
		{name: "bundle key differs from pinned key", forge: carry(fixture.PEM(&unpinned.Key.PublicKey)), want: "trust.bundle-key"},
		{name: "signature and bundle key of an unpinned signer", signed: one(fixture.Stages{Key: unpinned.Key}), forge: carry(fixture.PEM(&unpinned.Key.PublicKey)), want: "trust.key trust.bundle-key"},
		{name: "fingerprint of another key", opt: pinPrint(t, &unpinned.Key.PublicKey), want: "trust.key trust.bundle-key"},
		{name: "weak key: RSA-1024", signed: byRSA, forge: noKeys, opt: pin(t, rsa1024.Public()), want: "trust.key-strength"},
		{name: "weak key: RSA-1024, by the fingerprint of a key in the log entry", signed: byRSA, forge: noKeys, opt: pinPrint(t, rsa1024.Public()), want: "trust.key-strength"},
		{name: "weak key: RSA-1024, by the fingerprint of a key in the bundle", signed: byRSA, forge: carry(fixture.PEM(rsa1024.Public())), opt: pinPrint(t, rsa1024.Public()), want: "trust.key-strength"},
		{name: "weak key: P-224", signed: one(fixture.Stages{Key: weakEC}), forge: noKeys, opt: pin(t, &weakEC.PublicKey), want: "trust.key-strength"},
		{name: "weak key pinned beside a good one", opt: func(o *verify.Options) { o.Keys = append(o.Keys, anchor(t, &weakEC.PublicKey)) }, want: "trust.key-strength"},
		{name: "invalid curve point in the bundle's key", forge: carry(invalidPoint()), want: "trust.bundle-key"},
		{name: "pinned by fingerprint, key in the bundle", opt: pinPrint(t, mine), warn: "policy.reference-unbound"},
		{name: "pinned by fingerprint, key in the log entry only", opt: pinPrint(t, mine), forge: noKeys, warn: "policy.reference-unbound"},
		{name: "pinned by file, no key in the bundle", forge: noKeys, warn: "policy.reference-unbound"},
	})
}

func TestBundleKeyThreats(t *testing.T) {
	mine := fixture.PEM(&publisher().Key.PublicKey)
	threats(t, "layout", []threat{
		{name: "key listed under another fingerprint", forge: func(f *fixture.Forge) { f.Inventory.Keys[0].Fingerprint = "sha256:" + strings.Repeat("0", 64) }, want: "layout.inventory"},
		{name: "key not in canonical form", forge: carry(append([]byte("\n"), mine...)), want: "layout.inventory"},
		{name: "key artifact with an annotation", forge: func(f *fixture.Forge) {
			f.Edit(f.Inventory.Keys[0].Digest, func(s string) string {
				return string(fixture.Swap(`"schemaVersion":2`, `"schemaVersion":2,"annotations":{"a":"b"}`)([]byte(s)))
			})
		}, want: "layout.inventory"},
		{name: "key artifact with two layers", forge: func(f *fixture.Forge) {
			f.Edit(f.Inventory.Keys[0].Digest, func(s string) string {
				a := strings.Index(s, `"layers":[`) + len(`"layers":[`)
				return s[:len(s)-2] + "," + s[a:]
			})
		}, want: "layout.inventory"},
		{name: "key blob missing", forge: func(f *fixture.Forge) { delete(f.Blobs, oci.FromBytes(mine)) }, want: "layout.missing"},
		{name: "key artifact missing", forge: func(f *fixture.Forge) {
			delete(f.Blobs, f.Inventory.Keys[0].Digest)
			delete(f.Blobs, oci.FromBytes(mine))
		}, want: "layout.missing"},
		{name: "key artifact is the image", forge: func(f *fixture.Forge) { f.Inventory.Keys[0].Node = f.Inventory.Images[0].Node }, want: "layout.inventory"},
	})
	threats(t, "trust", []threat{
		{name: "trusted root swapped inside bundle", by: &fixture.Signer{Key: publisher().Key, Log: ecdsaKey(elliptic.P256())},
			forge: carry([]byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`)), want: "trust.log trust.bundle-key"},
	})
}

// TestSecondKeyInTheBundle: a key that is not pinned is a warning if another key of
// the bundle is pinned.
func TestSecondKeyInTheBundle(t *testing.T) {
	unpinned := fixture.NewSigner(t)
	req := publisher().Request(t, "unsigned:v1")
	req.Keys = append(req.Keys, unpinned.Request(t).Keys...)
	base := fixture.Export(t, fixture.NewRegistry(), req)
	(&threat{warn: "trust.bundle-key policy.reference-unbound"}).run(t, base, "")
	(&threat{want: "trust.key", opt: pin(t, &unpinned.Key.PublicKey)}).run(t, base, "trust")
	(&threat{want: "trust.unanchored", opt: func(o *verify.Options) { o.Keys = nil }}).run(t, base, "trust")
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	if bits < 2048 {
		t.Setenv("GODEBUG", "rsa1024min=0")
	}
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func signRSA(k *rsa.PrivateKey) fixture.Stages {
	return fixture.SignWith(k.Public(), func(p []byte) []byte {
		sum := sha256.Sum256(p)
		sig, err := rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:])
		if err != nil {
			panic(err)
		}
		return sig
	})
}

func TestAlgorithmThreats(t *testing.T) {
	edPub, edPriv, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ed := func(hash crypto.Hash) []fixture.Stages {
		return one(fixture.SignWith(edPub, func(p []byte) []byte {
			if hash != 0 {
				sum := sha512.Sum512(p)
				p = sum[:]
			}
			sig, err := edPriv.Sign(nil, p, &ed25519.Options{Hash: hash})
			if err != nil {
				panic(err)
			}
			return sig
		}))
	}
	p384, strong := ecdsaKey(elliptic.P384()), rsaKey(t, 2048)
	longHash := one(fixture.SignWith(&p384.PublicKey, func(p []byte) []byte {
		sum := sha512.Sum384(p)
		sig, _ := ecdsa.SignASN1(rand.Reader, p384, sum[:])
		return sig
	}))
	pss := one(fixture.SignWith(strong.Public(), func(p []byte) []byte {
		sum := sha256.Sum256(p)
		sig, _ := rsa.SignPSS(rand.Reader, strong, crypto.SHA256, sum[:], nil)
		return sig
	}))
	threats(t, "signature", []threat{
		{name: "Ed25519 signs", signed: ed(0), forge: noKeys, opt: pin(t, edPub), warn: "policy.reference-unbound"},
		{name: "Ed25519 vs Ed25519ph", signed: ed(crypto.SHA512), forge: noKeys, opt: pin(t, edPub), want: "signature.crypto"},
		{name: "P-384 with SHA-256 signs", signed: one(fixture.Stages{Key: p384}), forge: noKeys, opt: pin(t, &p384.PublicKey), warn: "policy.reference-unbound"},
		{name: "P-384 with SHA-256 vs SHA-384", signed: longHash, forge: noKeys, opt: pin(t, &p384.PublicKey), want: "signature.crypto"},
		{name: "RSA PKCS #1 v1.5 signs", signed: one(signRSA(strong)), forge: noKeys, opt: pin(t, strong.Public()), warn: "policy.reference-unbound"},
		{name: "RSA PSS", signed: pss, forge: noKeys, opt: pin(t, strong.Public()), want: "signature.crypto"},
		{name: "broken DER under an ECDSA key beside an RSA key", signed: one(fixture.Stages{Signature: func(b []byte) []byte { return append(b, 0) }}),
			opt: func(o *verify.Options) { o.Keys = append([]*trust.Key{anchor(t, strong.Public())}, o.Keys...) }, want: "signature.encoding"},
	})
}

func TestFingerprintsAreOfTheDER(t *testing.T) {
	k := publisher().Public()
	sum := sha256.Sum256(k.DER)
	if want := "sha256:" + hex.EncodeToString(sum[:]); k.Fingerprint() != want {
		t.Errorf("fingerprint %s, want %s", k.Fingerprint(), want)
	}
}
