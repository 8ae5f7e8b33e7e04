package rekor_test

import (
	"bytes"
	"encoding/base64"
	"reflect"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/rekor"
)

func FuzzParseBundle(f *testing.F) {
	f.Add(spectromateFile(f, "rekor-bundle.json"))
	probes := readProbes(f)
	for _, p := range probes {
		if p.Bundle != "" {
			f.Add([]byte(p.Bundle))
		}
	}
	logKey := publicKey(f, probes["ok-key"].LogKey)
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := rekor.ParseBundle(raw)
		if err != nil {
			wantTyped(t, err)
			return
		}
		if len(b.SET) == 0 || len(b.Body) == 0 || b.IntegratedTime < 1 || b.LogIndex < 0 {
			t.Errorf("%+v", b)
		}
		if base64.StdEncoding.EncodeToString(b.Body) != b.BodyBase64 {
			t.Error("Body is not BodyBase64")
		}
		wantCanonical(t, b)
		if err := rekor.VerifySET(b, logKey); err != nil {
			wantTyped(t, err)
		}
		again, err := rekor.ParseBundle(assemble(b))
		if err != nil || !bytes.Equal(again.Canonical(), b.Canonical()) || !bytes.Equal(again.SET, b.SET) {
			t.Errorf("written and read again it is another bundle: %v", err)
		}
	})
}

func FuzzParseEntry(f *testing.F) {
	f.Add(spectromateBundle(f).Body)
	for _, p := range readProbes(f) {
		if p.Entry != nil {
			f.Add(p.Entry.Body)
		} else if b, err := rekor.ParseBundle([]byte(p.Bundle)); err == nil {
			f.Add(b.Body)
		}
	}
	key := spectromateKey(f, "signer.pub")
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := rekor.ParseEntry(body)
		if err != nil {
			wantTyped(t, err)
			return
		}
		if err := e.BindKey(key.Public); err != nil {
			wantTyped(t, err)
		}
		pub, err := e.Key()
		if err != nil {
			wantTyped(t, err)
		} else if err := e.BindKey(pub); err != nil {
			t.Errorf("the entry's own key is another: %v", err)
		}
		if err := e.BindSignature(e.Signature); err != nil && e.Signature != nil {
			t.Error(err)
		}
		if err := e.BindPayload(body); err == nil {
			t.Error("the entry is about itself")
		}
		if err := e.BindEnvelope(&dsse.Envelope{Raw: body, Payload: body}); err == nil {
			t.Error("the entry is about itself as an envelope")
		}
		if again, err := rekor.ParseEntry(rebuilt(t, e)); err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("written again it is another entry (%v):\n%+v\n%+v", err, again, e)
		}
	})
}

// wantTyped asserts that a caller can test for the error.
func wantTyped(t *testing.T, err error) {
	t.Helper()
	if kind(err) == err.Error() {
		t.Errorf("%T has no kind: %v", err, err)
	}
	if len(err.Error()) > 8192 {
		t.Errorf("message of %d bytes", len(err.Error()))
	}
}

func assemble(b *rekor.Bundle) []byte {
	set := base64.StdEncoding.EncodeToString(b.SET)
	return append(append([]byte(`{"SignedEntryTimestamp":"`+set+`","Payload":`), b.Canonical()...), '}')
}

// wantCanonical compares Canonical, which writes the bytes itself, with the
// general implementation of RFC 8785.
func wantCanonical(t *testing.T, b *rekor.Bundle) {
	t.Helper()
	v := jsontext.Value(bytes.Clone(b.Canonical()))
	if err := v.Canonicalize(); err != nil || !bytes.Equal(v, b.Canonical()) {
		t.Errorf("not canonical: %q, want %q (%v)", b.Canonical(), v, err)
	}
}
