package dsse

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

func written(t testing.TB, env *Envelope) []byte {
	t.Helper()
	raw, err := env.write()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestOpenRefusesOtherSpellings(t *testing.T) {
	s, raw := newSigned(t, "said") // c2FpZA==
	text := string(raw)
	sig := text[strings.Index(text, `{"keyid"`):strings.LastIndex(text, "]")]
	swap := func(from, to string) string {
		if !strings.Contains(text, from) {
			t.Fatalf("nothing to swap: %s", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	for name, bad := range map[string]string{
		"nothing":           "",
		"no object":         "[]",
		"a newline after":   text + "\n",
		"a space within":    swap(`,"payloadType"`, `, "payloadType"`),
		"a byte order mark": "\xef\xbb\xbf" + text,
		"a second document": text + text,
		"an unknown member": swap(`{"payload"`, `{"note":"","payload"`),
		"a member twice":    swap(`{"payload"`, `{"payload":"c2FpZA==","payload"`),
		"another case":      swap(`"payload"`, `"Payload"`),
		"another order": swap(`{"payload":"c2FpZA==",`, `{`)[:len(text)-len(`"payload":"c2FpZA==",`)-1] +
			`,"payload":"c2FpZA=="}`,
		"escaped":             swap(`"payloadType":"a`, `"payloadType":"\u0061`),
		"no signature":        swap(sig, ""),
		"two signatures":      swap(sig, sig+","+sig),
		"no key id":           swap(`"keyid":"`+s.Public().Fingerprint()+`",`, ""),
		"a member of its own": swap(`"keyid"`, `"cert":"","keyid"`),
		"a null":              swap(`"c2FpZA=="`, "null"),
		"an empty payload":    swap(`"c2FpZA=="`, `""`),
		"unpadded base64":     swap("c2FpZA==", "c2FpZA"),
		"stray bits":          swap("c2FpZA==", "c2FpZB=="),
		"a break in base64":   swap("c2FpZA==", `c2FpZA\n==`),
		"URL-safe base64":     swap("c2FpZA==", "_2FpZA=="),
		"a number for a text": swap(`"c2FpZA=="`, "1"),
		"deep":                strings.Repeat("[", 100),
		"many empty signature": `{"payload":"YQ==","payloadType":"a","signatures":[` + strings.Repeat("{},",
			999) + `{}]}`,
	} {
		var format *check.FormatError
		if _, _, err := Open([]byte(bad), someType, []*trust.Key{s.Public()}); !errors.As(err, &format) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := Open(make([]byte, MaxEnvelope+1), someType, nil); !errors.Is(err, check.ErrTooLarge) {
		t.Error(err)
	}
}

func FuzzOpen(f *testing.F) {
	s, raw := newSigned(f, "said")
	f.Add(raw)
	f.Add(append(raw, '\n'))
	f.Add([]byte(`{"payload":"YQ==","payloadType":"a","signatures":[{"keyid":"","sig":"YQ=="}]}`))
	keys := []*trust.Key{s.Public()}
	f.Fuzz(func(t *testing.T, b []byte) {
		payload, _, err := Open(b, someType, keys)
		if err != nil {
			if payload != nil {
				t.Error("a payload with an error")
			}
			return
		}
		// With ECDSA anyone can derive a second signature from the first, but not
		// over another payload, and not in another spelling.
		doc, err := parse(b)
		if err != nil || string(payload) != "said" || !bytes.Equal(written(t, doc), b) {
			t.Errorf("%q, %v", payload, err)
		}
	})
}
