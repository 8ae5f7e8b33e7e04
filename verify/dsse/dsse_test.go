package dsse

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	ssldsse "github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

const someType = "application/vnd.gapseal.test.v1+json"

func signerOf(t testing.TB, key crypto.Signer) *Signer {
	t.Helper()
	s, err := NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newP256(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newSigned(t testing.TB, payload string) (*Signer, []byte) {
	t.Helper()
	s := signerOf(t, newP256(t))
	raw, err := Sign(someType, []byte(payload), s)
	if err != nil {
		t.Fatal(err)
	}
	return s, raw
}

func TestPAE(t *testing.T) {
	// The example of DSSE's protocol document.
	payloadType, payload := "http://example.com/HelloWorld", []byte("hello world")
	const want = "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	if got := string(PAE(payloadType, payload)); got != want {
		t.Error(got)
	}
	for _, s := range []string{"", "é", "a b", "\x00\xff"} {
		if got, want := PAE(s, []byte(s)), ssldsse.PAE(s, []byte(s)); !bytes.Equal(got, want) {
			t.Errorf("%q: got %q, go-securesystemslib %q", s, got, want)
		}
	}
}

func TestSignAndOpen(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other := signerOf(t, newP256(t))
	for _, key := range []crypto.Signer{newP256(t), p384, rsaKey, edKey} {
		s := signerOf(t, key)
		raw, err := Sign(someType, []byte("<said>\n"), s)
		if err != nil {
			t.Errorf("%s: %v", s.Public().Describe(), err)
			continue
		}
		payload, by, err := Open(raw, someType, []*trust.Key{other.Public(), s.Public()})
		if err != nil || string(payload) != "<said>\n" || by.Fingerprint() != s.Public().Fingerprint() {
			t.Errorf("%s: %q, %v, %v", s.Public().Describe(), payload, by, err)
		}
	}
}

// Other programs depend on the spelling, so it is written out here.
func TestTheEnvelopeIsWrittenInOneWay(t *testing.T) {
	s, raw := newSigned(t, "a")
	doc, err := parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`{"payload":"YQ==","payloadType":%q,"signatures":[{"keyid":%q,"sig":%q}]}`,
		someType, s.Public().Fingerprint(), base64.StdEncoding.EncodeToString(doc.Signature))
	if string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	message := fmt.Sprintf("DSSEv1 %d %s 1 a", len(someType), someType)
	if err := s.Public().Verify([]byte(message), doc.Signature); err != nil {
		t.Error(err)
	}
}

func TestOpenDistinguishesErrors(t *testing.T) {
	s, raw := newSigned(t, "said")
	other := signerOf(t, newP256(t))
	keys := []*trust.Key{s.Public()}

	var typeErr *TypeError
	if _, _, err := Open(raw, "another/type", keys); !errors.As(err, &typeErr) ||
		*typeErr != (TypeError{"another/type", someType}) {
		t.Errorf("another type: %v", err)
	}
	var keyErr *KeyError
	want := KeyError{s.Public().Fingerprint(), []string{other.Public().Fingerprint()}}
	if _, _, err := Open(raw, someType, []*trust.Key{other.Public()}); !errors.As(err, &keyErr) ||
		!reflect.DeepEqual(*keyErr, want) {
		t.Errorf("another key: %v", err)
	}
	if _, _, err := Open(raw, someType, nil); !errors.As(err, &keyErr) || len(keyErr.Want) != 0 {
		t.Errorf("no key: %v", err)
	}
	doc, _ := parse(raw)
	doc.Payload = []byte("sAid")
	if payload, by, err := Open(written(t, doc), someType, keys); !errors.Is(err, trust.ErrSignature) ||
		payload != nil || by != nil {
		t.Errorf("another payload: %v", err)
	}
	doc, _ = parse(raw)
	doc.KeyID = other.Public().Fingerprint()
	if _, _, err := Open(written(t, doc), someType, append(keys, other.Public())); !errors.Is(err, trust.ErrSignature) {
		t.Errorf("the key id of another pinned key: %v", err)
	}
	doc.KeyID = s.Public().Fingerprint()
	doc.Signature = append(doc.Signature, 0)
	var encoding *trust.EncodingError
	if _, _, err := Open(written(t, doc), someType, keys); !errors.As(err, &encoding) {
		t.Errorf("a byte after the signature: %v", err)
	}
}

// A signature covers the type too: renaming it does not help.
func TestATypeCannotBeRenamed(t *testing.T) {
	s, raw := newSigned(t, "said")
	renamed := bytes.Replace(raw, []byte(someType), []byte("another/type"), 1)
	if _, _, err := Open(renamed, "another/type", []*trust.Key{s.Public()}); !errors.Is(err, trust.ErrSignature) {
		t.Error(err)
	}
}

func TestOpenRefusesAWeakKey(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := trust.NewKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := crypto.SHA256.New()
	sum.Write(PAE(someType, []byte("said")))
	sig, err := key.Sign(rand.Reader, sum.Sum(nil), crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	raw := written(t, &Envelope{Payload: []byte("said"), PayloadType: someType, KeyID: public.Fingerprint(),
		Signature: sig})
	var weak *trust.WeakKeyError
	if _, _, err := Open(raw, someType, []*trust.Key{public}); !errors.As(err, &weak) {
		t.Error(err)
	}
}

func TestSignRefuses(t *testing.T) {
	s := signerOf(t, newP256(t))
	var format *check.FormatError
	if _, err := Sign("", []byte("said"), s); !errors.As(err, &format) {
		t.Errorf("no type: %v", err)
	}
	if _, err := Sign(someType, nil, s); !errors.As(err, &format) {
		t.Errorf("no payload: %v", err)
	}
	if _, err := Sign(someType, make([]byte, MaxEnvelope/4*3), s); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("too much: %v", err)
	}
	s.public = signerOf(t, newP256(t)).public
	if _, err := Sign(someType, []byte("said"), s); !errors.Is(err, trust.ErrSignature) {
		t.Errorf("a public key that is another's: %v", err)
	}
}

func TestErrorsNameWhatWasExpected(t *testing.T) {
	fingerprint := "sha256:" + strings.Repeat("0a", 32)
	for want, err := range map[string]error{
		`the envelope holds a payload of another type: want a, found "b"`: &TypeError{"a", "b"},
		`the envelope is signed by another key: want x or y, found "z"`: &KeyError{"z",
			[]string{"x", "y"}},
		"the envelope is signed by another key: want x, found " + fingerprint:           &KeyError{fingerprint, []string{"x"}},
		`the envelope is signed by the key "z", and no key was given to verify it with`: &KeyError{"z", nil},
	} {
		if err.Error() != want {
			t.Errorf("got %s, want %s", err, want)
		}
	}
}
