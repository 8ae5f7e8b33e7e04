package evidence_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

func TestReadInToto(t *testing.T) {
	s := loadStore(t)
	read := func(raw []byte, pairs ...string) evidence.Evidence {
		m := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/vnd.docker.attestation.manifest.v1+json",` +
			`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":9,"digest":"sha256:x"},` +
			`"layers":[{"mediaType":"application/vnd.in-toto+json","size":1,"digest":"` + string(s.put(raw)) +
			`","annotations":{"in-toto.io/predicate-type":"https://slsa.dev/provenance/v1"}}],` +
			`"subject":{"mediaType":"x","size":1,"digest":"` + string(image) + `"}}`
		return only(t, evidence.Read(oci.KindInToto, s.put(replace(t, []byte(m), pairs...)), image, s.blob))
	}
	envelope := s.layer(t, attKey, 0)
	env, f := evidence.ReadEnvelope(envelope)
	if f != nil {
		t.Fatal(f)
	}

	e := read(env.Payload)
	wantFaults(t, e.Problems)
	if e.Form != check.FormInToto || e.IsSignature() || e.Message != nil || e.Signature != nil || e.Statement == nil {
		t.Errorf("%+v", e)
	}
	e = read(envelope)
	wantFaults(t, e.Problems)
	wantVerifies(t, e)
	if e.IsSignature() {
		t.Error("an attestation passes as a signature")
	}
	e = read([]byte(signed), "https://slsa.dev/provenance/v1", evidence.SignPredicate)
	wantFaults(t, e.Problems)
	if e.IsSignature() {
		t.Error("an unsigned statement passes as a signature")
	}

	const enc, claims = check.SignatureEncoding, check.SignatureClaims
	wantFaults(t, read(env.Payload, "https://slsa.dev/provenance/v1", "https://spdx.dev/Document").Problems, claims)
	wantFaults(t, read(env.Payload, `"annotations":{`, `"annotations":{"x":"y",`).Problems)
	wantFaults(t, read(env.Payload, `"application/vnd.in-toto+json"`,
		`"application/vnd.dsse.envelope.v1+json"`).Problems, enc)
	wantFaults(t, read(env.Payload, string(image), string(attKey)).Problems, claims)
	wantFaults(t, read([]byte("{}")).Problems, claims)
	wantFaults(t, read([]byte(strings.Repeat(" ", evidence.MaxSize)+"{}")).Problems, check.LimitEvidence)
	wantFaults(t, only(t, evidence.ReadInToto("sha256:x", image, s.blob)).Problems, enc)
}
