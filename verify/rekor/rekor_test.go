package rekor_test

import (
	//lint:ignore SA1019 a key type that must be refused
	"crypto/dsa"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
)

func wantFormat(t *testing.T, err error, what, reason string) {
	t.Helper()
	var format *check.FormatError
	if !errors.As(err, &format) || format.What != what || !strings.Contains(format.Reason, reason) {
		t.Errorf("got %T (%v), want *check.FormatError about %q saying %q", err, err, what, reason)
	}
}

func wantTooLarge(t *testing.T, err error, what string) {
	t.Helper()
	if !errors.Is(err, check.ErrTooLarge) || !strings.HasPrefix(err.Error(), what) {
		t.Errorf("got %v, want check.ErrTooLarge about %q", err, what)
	}
}

// bundleWith returns a bundle whose body has n bytes.
func bundleWith(n int) []byte {
	return fmt.Appendf(nil, `{"SignedEntryTimestamp":"AAAA","Payload":{"body":"%s","integratedTime":1,"logIndex":0,"logID":""}}`,
		strings.Repeat("AAAA", n/3))
}

func TestBundleBudgets(t *testing.T) {
	const atBudget = rekor.MaxBody / 3 * 3
	if b, err := rekor.ParseBundle(bundleWith(atBudget)); err != nil || len(b.Body) != atBudget {
		t.Errorf("a body within the budget: %v", err)
	}
	_, err := rekor.ParseBundle(bundleWith(atBudget + 3))
	wantTooLarge(t, err, "body: bytes")

	text := bundleWith(3)
	full := append(text, strings.Repeat(" ", rekor.MaxBundle-len(text))...)
	if _, err := rekor.ParseBundle(full); err != nil {
		t.Errorf("an annotation within the budget: %v", err)
	}
	_, err = rekor.ParseBundle(append(full, ' '))
	wantTooLarge(t, err, "rekor bundle: bytes")

	for _, deep := range []string{strings.Repeat("[", rekor.MaxDepth+1), strings.Repeat(`{"a":`, 100_000)} {
		_, err = rekor.ParseBundle([]byte(deep))
		wantTooLarge(t, err, "rekor bundle: JSON nesting")
		_, err = rekor.ParseEntry([]byte(deep))
		wantTooLarge(t, err, "log entry: JSON nesting")
	}
	_, err = rekor.ParseEntry(make([]byte, rekor.MaxBody+1))
	wantTooLarge(t, err, "log entry: bytes")
}

func TestBundleSaysWhatIsWrong(t *testing.T) {
	good := string(bundleWith(3))
	for _, test := range []struct{ old, replacement, what, reason string }{
		{`"logIndex":0`, `"logIndex":1.0`, "logIndex", "want a plain integer from 0 to 9007199254740991, found 1.0"},
		{`"integratedTime":1`, `"integratedTime":0`, "integratedTime", "want a plain integer from 1 to"},
		{`"logIndex":0,`, ``, "Payload", `member "logIndex" is missing`},
		{`"logIndex":0`, `"zz":0,"aa":0,"logIndex":0`, "Payload", `unknown member "aa"`},
		{`"logID":""`, `"logID":null`, "logID", "want a string, found null"},
		{`"AAAA","Payload"`, `"AA=","Payload"`, "SignedEntryTimestamp", "want base64"},
		{`"AAAA","Payload"`, `"A A==","Payload"`, "SignedEntryTimestamp", "want base64"},
		{`"Payload":{`, `"Payload":[{`, "rekor bundle", "want JSON"},
		{`"Payload":{`, "\"Payload\":{\"\xff\":0,", "rekor bundle", "want JSON: jsontext: invalid UTF-8"},
	} {
		if strings.Count(good, test.old) != 1 {
			t.Fatalf("%q does not occur exactly once in the bundle", test.old)
		}
		_, err := rekor.ParseBundle([]byte(strings.Replace(good, test.old, test.replacement, 1)))
		wantFormat(t, err, test.what, test.reason)
	}
	_, err := rekor.ParseBundle([]byte(good + "1"))
	wantFormat(t, err, "rekor bundle", "after the end")
	flood := strings.Replace(good, `"logID"`, `"`+strings.Repeat("é", 100_000)+`"`, 1)
	_, err = rekor.ParseBundle([]byte(flood))
	wantFormat(t, err, "Payload", "is missing")
	_, err = rekor.ParseBundle([]byte(strings.Replace(good, `"logID":""`, `"logID":[`+strings.Repeat(`"é",`,
		100_000)+`1]`, 1)))
	wantFormat(t, err, "logID", "want a string")
	wantTyped(t, err)
}

func TestCanonicalEscapes(t *testing.T) {
	for _, id := range []string{"", `"\`, "\x00\b\t\n\f\r\x1f\x7f", "<>&\u2028\u2029", "é\u20ac\U0001f600", "/"} {
		b := &rekor.Bundle{BodyBase64: "AAAA", IntegratedTime: 1 << 52, LogIndex: 0, LogID: id}
		wantCanonical(t, b)
	}
	b := &rekor.Bundle{BodyBase64: "AAAA", IntegratedTime: 2, LogIndex: 1, LogID: "a"}
	const want = `{"body":"AAAA","integratedTime":2,"logID":"a","logIndex":1}`
	if got := string(b.Canonical()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLogKeysOfOtherTypes(t *testing.T) {
	b := spectromateBundle(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{
		"none": nil, "RSA": &rsaKey.PublicKey, "text": "key",
		"nil ECDSA": (*ecdsa.PublicKey)(nil), "empty ECDSA": &ecdsa.PublicKey{}, "short Ed25519": ed25519.PublicKey{1},
	} {
		if err := rekor.VerifySET(b, key); !errors.Is(err, rekor.ErrLogKey) {
			t.Errorf("%s: got %v, want ErrLogKey", name, err)
		}
	}
	if err := b.BindLog("key"); !errors.Is(err, rekor.ErrLogKey) {
		t.Errorf("BindLog: got %v, want ErrLogKey", err)
	}
}

func TestUnsupportedEntryIsNamed(t *testing.T) {
	long := strings.Repeat("k", 100_000)
	for _, test := range []struct{ kind, version string }{{"rekord", "0.0.1"}, {"hashedrekord", "0.0.3"}, {"", ""},
		{"intoto", "0.0.3"}, {"cose", "0.0.1"}} {
		_, err := rekor.ParseEntry(fmt.Appendf(nil, `{"apiVersion":%q,"kind":%q,"spec":{}}`, test.version, test.kind))
		var unsupported *rekor.UnsupportedError
		if !errors.As(err, &unsupported) || unsupported.Kind != test.kind || unsupported.APIVersion != test.version {
			t.Errorf("got %v, want %+v", err, test)
		}
	}
	_, err := rekor.ParseEntry([]byte(`{"apiVersion":"0.0.1","kind":"` + long + `","spec":{}}`))
	wantTyped(t, err)
	if !strings.HasSuffix(err.Error(), "is not supported, want hashedrekord 0.0.1, hashedrekord 0.0.2, dsse 0.0.1, "+
		"dsse 0.0.2, intoto 0.0.1, intoto 0.0.2") {
		t.Errorf("message %q", err)
	}
}

// entryKey returns an entry that holds only a PEM.
func entryKey(blockType string, der []byte) *rekor.Entry {
	return &rekor.Entry{Kind: "hashedrekord", APIVersion: "0.0.1",
		PublicKeyPEM: pem.EncodeToMemory(&pem.Block{Type: blockType, Bytes: der})}
}

func TestKeyOfAnEntry(t *testing.T) {
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(x25519.PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	const what = "spec.signature.publicKey.content"
	_, err = entryKey("PUBLIC KEY", der).Key()
	wantFormat(t, err, what, "want an ECDSA, RSA or Ed25519 key, found *ecdh.PublicKey")
	_, err = entryKey("PRIVATE KEY", der).Key()
	wantFormat(t, err, what, `found "PRIVATE KEY"`)
	_, err = entryKey("CERTIFICATE", der).Key()
	wantFormat(t, err, what, "x509")

	// A third element in the SubjectPublicKeyInfo, which the parser ignores.
	block, _ := pem.Decode(spectromateFile(t, "signer.pub"))
	longer := append([]byte{0x30, block.Bytes[1] + 2}, block.Bytes[2:]...)
	longer = append(longer, 5, 0)
	if _, err := x509.ParsePKIXPublicKey(longer); err != nil {
		t.Fatalf("the parser has become strict: %v", err)
	}
	_, err = entryKey("PUBLIC KEY", longer).Key()
	wantFormat(t, err, what, "want the canonical DER")

	err = entryKey("PUBLIC KEY", block.Bytes).BindKey(&dsa.PublicKey{})
	if err == nil || kind(err) != err.Error() || !strings.HasPrefix(err.Error(), "key to compare with a log entry: ") {
		t.Errorf("a key that cannot be compared: got %v", err)
	}
}

func TestMismatchSaysBoth(t *testing.T) {
	e := &rekor.Entry{Kind: "hashedrekord", APIVersion: "0.0.1", HashAlgorithm: "sha256", HashValue: "00",
		Signature: []byte{1}}
	empty := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	for _, test := range []struct {
		err  error
		want rekor.MismatchError
	}{
		{e.BindPayload(nil), rekor.MismatchError{What: "payload digest", Expected: empty, Found: "00"}},
		{(&rekor.Entry{Kind: "hashedrekord", APIVersion: "0.0.1", HashAlgorithm: "sha512"}).BindPayload(nil),
			rekor.MismatchError{What: "hash algorithm", Expected: "sha256", Found: "sha512"}},
		{e.BindSignature([]byte{0}), rekor.MismatchError{What: "signature", Expected: "AA==", Found: "AQ=="}},
	} {
		var mismatch *rekor.MismatchError
		if !errors.As(test.err, &mismatch) || *mismatch != test.want {
			t.Errorf("got %v, want %+v", test.err, test.want)
			continue
		}
		message := fmt.Sprintf("log entry has another %s: expected %s, found %s", test.want.What, test.want.Expected,
			test.want.Found)
		if test.err.Error() != message {
			t.Errorf("got %q, want %q", test.err, message)
		}
	}
}

// The package documentation works through this entry.
func ExampleVerifySET() {
	annotation, err := os.ReadFile("../../testdata/spectromate/rekor-bundle.json")
	if err != nil {
		panic(err)
	}
	b, err := rekor.ParseBundle(annotation)
	if err != nil {
		panic(err)
	}
	block, _ := pem.Decode([]byte(`-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr
kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==
-----END PUBLIC KEY-----`))
	logKey, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		panic(err)
	}
	fmt.Println(b.BindLog(logKey), rekor.VerifySET(b, logKey))
	b.LogIndex++
	fmt.Println(rekor.VerifySET(b, logKey))
	// Output:
	// <nil> <nil>
	// signed entry timestamp does not verify under the log key
}
