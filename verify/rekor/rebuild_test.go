package rekor_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"slices"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/verify/rekor"
)

type object = map[string]any

// wantRebuilt writes the body again from the parts of the entry that can be
// checked. A byte that no check covers would be missing. The key id of an intoto
// 0.0.2, a hint, is the one exception.
func wantRebuilt(t *testing.T, e *rekor.Entry, body []byte) {
	t.Helper()
	if e.Kind == "intoto" && bytes.Contains(body, []byte(`{"keyid":`)) {
		return
	}
	v, want := jsontext.Value(rebuilt(t, e)), jsontext.Value(bytes.Clone(body))
	if err := errors.Join(v.Canonicalize(), want.Canonicalize()); err != nil || !bytes.Equal(v, want) {
		t.Errorf("written again it is another body (%v):\ngot  %s\nwant %s", err, v, want)
	}
}

func rebuilt(t *testing.T, e *rekor.Entry) []byte {
	t.Helper()
	text, err := json.Marshal(object{"apiVersion": e.APIVersion, "kind": e.Kind, "spec": rebuildSpec(t, e)})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func rebuildSpec(t *testing.T, e *rekor.Entry) object {
	hash := func(algorithm, value string) object { return object{"algorithm": algorithm, "value": value} }
	switch e.Kind + " " + e.APIVersion {
	case "hashedrekord 0.0.1":
		return object{
			"data":      object{"hash": hash(e.HashAlgorithm, e.HashValue)},
			"signature": object{"content": e.Signature, "publicKey": object{"content": e.PublicKeyPEM}},
		}
	case "dsse 0.0.1":
		return object{
			"envelopeHash": hash("sha256", e.EnvelopeHash), "payloadHash": hash("sha256", e.HashValue),
			"signatures": []object{{"signature": e.Signature, "verifier": e.PublicKeyPEM}},
		}
	case "intoto 0.0.1":
		content := object{"hash": hash("sha256", e.EnvelopeHash)}
		if e.HashValue != "" {
			content["payloadHash"] = hash("sha256", e.HashValue)
		}
		return object{"content": content, "publicKey": e.PublicKeyPEM}
	case "intoto 0.0.2":
		sig := []byte(base64.StdEncoding.EncodeToString(e.Signature))
		return object{"content": object{
			"envelope": object{"payloadType": e.PayloadType, "signatures": []object{{"publicKey": e.PublicKeyPEM,
				"sig": sig}}},
			"hash": hash("sha256", e.EnvelopeHash), "payloadHash": hash("sha256", e.HashValue),
		}}
	case "hashedrekord 0.0.2":
		return object{"hashedRekordV002": object{"data": rebuildHash2(t, e), "signature": rebuildSignature2(t, e)}}
	case "dsse 0.0.2":
		return object{"dsseV002": object{"payloadHash": rebuildHash2(t, e),
			"signatures": []object{rebuildSignature2(t, e)}}}
	}
	t.Fatalf("no way to write %s %s", e.Kind, e.APIVersion)
	return nil
}

func rebuildHash2(t *testing.T, e *rekor.Entry) object {
	digest, err := hex.DecodeString(e.HashValue)
	if err != nil {
		t.Fatal(err)
	}
	return object{"algorithm": map[string]string{"sha256": "SHA2_256", "sha384": "SHA2_384",
		"sha512": "SHA2_512"}[e.HashAlgorithm], "digest": digest}
}

func rebuildSignature2(t *testing.T, e *rekor.Entry) object {
	block, _ := pem.Decode(e.PublicKeyPEM)
	if block == nil {
		t.Fatal("no PEM")
	}
	member := map[string]string{"PUBLIC KEY": "publicKey", "CERTIFICATE": "x509Certificate"}[block.Type]
	return object{"content": e.Signature, "verifier": object{"keyDetails": e.KeyDetails,
		member: object{"rawBytes": block.Bytes}}}
}

// wrapped are the probes whose base64 has line breaks, so that writing it again
// gives another text.
var wrapped = []string{"entry-signature-newline", "intoto-2-signature-spelling"}

func TestEveryByteOfABodyIsChecked(t *testing.T) {
	kinds := map[string]bool{}
	for name, p := range readProbes(t) {
		if p.Entry == nil {
			continue
		}
		e, err := rekor.ParseEntry(p.Entry.Body)
		if err != nil {
			continue
		}
		kinds[e.Kind+" "+e.APIVersion] = true
		if slices.Contains(wrapped, name) {
			continue
		}
		t.Run(name, func(t *testing.T) { wantRebuilt(t, e, p.Entry.Body) })
	}
	if len(kinds) != 5 {
		t.Errorf("log entries of the kinds %v, want five: hashedrekord 0.0.1 comes in Rekor bundles", kinds)
	}
	e, err := rekor.ParseEntry(spectromateBundle(t).Body)
	if err != nil {
		t.Fatal(err)
	}
	wantRebuilt(t, e, spectromateBundle(t).Body)
}
