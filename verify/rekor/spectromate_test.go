package rekor_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
)

// A production entry of the public log; testdata/spectromate/README.md says
// what it proves and what it does not.
const spectromate = "../../testdata/spectromate"

func spectromateFile(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(spectromate, name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func spectromateBundle(t testing.TB) *rekor.Bundle {
	t.Helper()
	b, err := rekor.ParseBundle(spectromateFile(t, "rekor-bundle.json"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func spectromateKey(t testing.TB, name string) *trust.Key {
	t.Helper()
	key, err := trust.ParseKey(spectromateFile(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSpectromateVerifiesUnderTheBuiltInLog(t *testing.T) {
	b := spectromateBundle(t)
	log := trust.BuiltinLogs()[0]
	if b.CheckLogID() != nil || b.BindLog(log.Key.Public) != nil || b.LogID != log.ID {
		t.Errorf("log id %s, want that of %s, %s", b.LogID, log.Name, log.ID)
	}
	if err := rekor.VerifySET(b, log.Key.Public); err != nil {
		t.Error(err)
	}
	when := time.Unix(b.IntegratedTime, 0)
	if err := log.CheckWindow(when); err != nil {
		t.Error(err)
	}
	if got := when.UTC().Format(time.RFC3339); got != "2023-12-16T20:28:11Z" || b.LogIndex != 57230483 ||
		len(b.SET) != 72 {
		t.Errorf("integrated time %s, log index %d, SET of %d bytes: not what the package documentation says", got,
			b.LogIndex, len(b.SET))
	}
}

func TestSpectromateEntry(t *testing.T) {
	e, err := rekor.ParseEntry(spectromateBundle(t).Body)
	if err != nil {
		t.Fatal(err)
	}
	const want = "435431c665cf6dfcc34726add60305cb6e38e65dfbe1d45e6ded3b3787560cc1"
	if e.HashAlgorithm != "sha256" || e.HashValue != want {
		t.Fatalf("hash %s:%s", e.HashAlgorithm, e.HashValue)
	}
	signer := spectromateKey(t, "signer.pub")
	if err := e.BindKey(signer.Public); err != nil {
		t.Error(err)
	}
	// The payload is not available, so only its digest can be verified.
	digest, err := hex.DecodeString(e.HashValue)
	if err != nil {
		t.Fatal(err)
	}
	if !ecdsa.VerifyASN1(signer.Public.(*ecdsa.PublicKey), digest, e.Signature) {
		t.Error("the signature does not verify over the digest under the entry's key")
	}
	other := spectromateKey(t, "page-expected.pub")
	if ecdsa.VerifyASN1(other.Public.(*ecdsa.PublicKey), digest, e.Signature) {
		t.Error("the signature verifies under the other key as well")
	}
	digest[0]++
	if ecdsa.VerifyASN1(signer.Public.(*ecdsa.PublicKey), digest, e.Signature) {
		t.Error("the signature verifies over another digest as well")
	}
}

func TestSpectromateUnderTheOtherKeyNamesBoth(t *testing.T) {
	e, err := rekor.ParseEntry(spectromateBundle(t).Body)
	if err != nil {
		t.Fatal(err)
	}
	signer, other := spectromateKey(t, "signer.pub"), spectromateKey(t, "page-expected.pub")
	var mismatch *rekor.MismatchError
	if err := e.BindKey(other.Public); !errors.As(err, &mismatch) {
		t.Fatalf("got %v, want *MismatchError", err)
	}
	want := rekor.MismatchError{What: "public key", Expected: other.Fingerprint(), Found: signer.Fingerprint()}
	if *mismatch != want {
		t.Errorf("got %+v, want %+v", *mismatch, want)
	}
	pub, err := e.Key()
	if err != nil {
		t.Fatal(err)
	}
	found, err := trust.NewKey(pub)
	if err != nil || found.PEM() != string(spectromateFile(t, "signer.pub")) {
		t.Errorf("the entry's key is not signer.pub: %v", err)
	}
	readme := string(spectromateFile(t, "README.md"))
	for _, fingerprint := range []string{signer.Fingerprint(), other.Fingerprint()} {
		if !strings.Contains(readme, fingerprint) {
			t.Errorf("README.md does not give the fingerprint %s", fingerprint)
		}
	}
}

// Each field that the SET covers, and the SET itself, changed by one.
func TestSpectromateChangedByOne(t *testing.T) {
	logKey := trust.BuiltinLogs()[0].Key.Public
	for name, change := range map[string]func(*rekor.Bundle){
		"integratedTime": func(b *rekor.Bundle) { b.IntegratedTime++ },
		"logIndex":       func(b *rekor.Bundle) { b.LogIndex++ },
		"logID":          func(b *rekor.Bundle) { b.LogID = "d" + b.LogID[1:] },
		"body": func(b *rekor.Bundle) {
			b.Body[len(b.Body)-1]++
			b.BodyBase64 = base64.StdEncoding.EncodeToString(b.Body)
		},
		"SET": func(b *rekor.Bundle) { b.SET[len(b.SET)-1]++ },
	} {
		b := spectromateBundle(t)
		change(b)
		if err := rekor.VerifySET(b, logKey); !errors.Is(err, rekor.ErrSET) {
			t.Errorf("%s: got %v, want ErrSET", name, err)
		}
		var mismatch *rekor.MismatchError
		if err := b.BindLog(logKey); errors.As(err, &mismatch) != (name == "logID") {
			t.Errorf("%s: BindLog returned %v", name, err)
		}
		if err := b.CheckLogID(); err != nil {
			t.Errorf("%s: the form of the log id is unchanged: %v", name, err)
		}
	}
	sibling := trust.BuiltinLogs()[1].Key.Public
	if kind(rekor.VerifySET(spectromateBundle(t), sibling)) != "format" {
		t.Error("an ECDSA SET under the Ed25519 log has the wrong length")
	}
}

// Each field of the entry changed by one. The SET covers the whole body, so it
// fails too, which the test above asserts.
func TestSpectromateEntryChangedByOne(t *testing.T) {
	body := spectromateBundle(t).Body
	good, err := rekor.ParseEntry(body)
	if err != nil {
		t.Fatal(err)
	}
	signer := spectromateKey(t, "signer.pub")
	for name, test := range map[string]struct {
		old, replacement  string
		entry, sig, owner string
	}{
		"apiVersion": {`"0.0.1"`, `"0.0.3"`, "unsupported", "", ""},
		"generation": {`"0.0.1"`, `"0.0.2"`, "format", "", ""},
		"kind":       {`"hashedrekord"`, `"hashedrekore"`, "unsupported", "", ""},
		"member":     {`"spec"`, `"sped"`, "format", "", ""},
		"signature":  {`"content":"MEUCIQC4`, `"content":"MEUCIQC5`, "", "mismatch", ""},
		"key":        {`"content":"LS0t`, `"content":"LS0u`, "", "", "format"},
	} {
		if bytes.Count(body, []byte(test.old)) != 1 {
			t.Fatalf("%s: %q does not occur exactly once in the body", name, test.old)
		}
		e, err := rekor.ParseEntry(bytes.Replace(body, []byte(test.old), []byte(test.replacement), 1))
		if got := kindOrNone(err); got != test.entry {
			t.Errorf("%s: ParseEntry fails with %q, want %q", name, got, test.entry)
		}
		if err != nil {
			continue
		}
		if got := kindOrNone(e.BindSignature(good.Signature)); got != test.sig {
			t.Errorf("%s: BindSignature fails with %q, want %q", name, got, test.sig)
		}
		if got := kindOrNone(e.BindKey(signer.Public)); got != test.owner {
			t.Errorf("%s: BindKey fails with %q, want %q", name, got, test.owner)
		}
	}
}

func kindOrNone(err error) string {
	if err == nil {
		return ""
	}
	return kind(err)
}

// The payload that was signed is not available; any other is refused.
func TestSpectromatePayload(t *testing.T) {
	e, err := rekor.ParseEntry(spectromateBundle(t).Body)
	if err != nil {
		t.Fatal(err)
	}
	var mismatch *rekor.MismatchError
	if err := e.BindPayload([]byte("{}")); !errors.As(err, &mismatch) || mismatch.What != "payload digest" ||
		mismatch.Found != e.HashValue {
		t.Errorf("got %v, want a mismatch of the payload digest", err)
	}
}
