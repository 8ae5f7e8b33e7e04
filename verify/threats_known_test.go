package verify_test

import (
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// TestOddEntryBodies: CVE-2023-33199 and CVE-2026-23831, a panic on a body that lacks
// what its kind should have. Kinds are listed, and what is missing is an error.
func TestOddEntryBodies(t *testing.T) {
	var cases []threat
	for _, odd := range []string{
		`null`, `[]`, `{}`, `""`, `7`,
		`{"apiVersion":"0.0.1","kind":"hashedrekord"}`,
		`{"apiVersion":"0.0.1","kind":"hashedrekord","spec":null}`,
		`{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{}}`,
		`{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":null,"signature":null}}`,
		`{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{"hash":null},"signature":{"content":"","publicKey":null}}}`,
		`{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{"data":{},"signature":{"content":"","publicKey":{"content":""}}}}`,
	} {
		cases = append(cases, threat{name: odd, signed: body(func([]byte) []byte { return []byte(odd) }), want: "rekor.encoding"})
	}
	threats(t, "rekor", cases)
	cases = nil
	for _, kind := range []string{"cose", "alpine", "helm", "jar", "rfc3161", "rpm", "tuf", "rekord"} {
		odd := `{"apiVersion":"0.0.1","kind":"` + kind + `","spec":{"data":null,"publicKey":null}}`
		cases = append(cases, threat{name: kind, signed: body(func([]byte) []byte { return []byte(odd) }), want: "rekor.kind"})
	}
	threats(t, "rekor", cases)
}

// TestParserFloods: CVE-2025-58185 and CVE-2025-61723, and CVE-2024-29902 to 29903 and
// CVE-2024-45395: parsers whose work or memory grows faster than their input. The size
// is limited before anything is parsed.
func TestParserFloods(t *testing.T) {
	annotate := func(name, value string) []fixture.Stages {
		return one(fixture.Stages{Annotations: func(m map[string]string) { m[name] = value }})
	}
	const certificate, chain = "dev.sigstore.cosign/certificate", "dev.sigstore.cosign/chain"
	begin := strings.Repeat("-----BEGIN ", 300_000)
	lines := strings.Repeat("-----BEGIN CERTIFICATE-----\n", 120_000)
	deep := []byte{}
	for len(deep) < 1<<20 {
		deep = append(deep, 0x30, 0x80) // a sequence of indefinite length
	}
	long := "\x30\x84\x7f\xff\xff\xff" // a sequence of 2 GiB
	block := func(der string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(der)}))
	}
	start := time.Now()
	threats(t, "signature", []threat{
		{name: "a certificate that only begins, over the budget", signed: annotate(certificate, begin), want: "signature.encoding"},
		{name: "certificates that only begin, over the budget", signed: annotate(certificate, lines), want: "signature.encoding"},
		{name: "a chain that only begins, over the budget", signed: annotate(chain, lines), want: "signature.encoding"},
		{name: "a certificate that only begins", signed: annotate(certificate, begin[:60_000]), want: "signature.encoding"},
		{name: "certificates that only begin", signed: annotate(certificate, lines[:60_000]), want: "signature.encoding"},
		{name: "1,000 certificates", signed: annotate(certificate, strings.Repeat(block(long), 1000)), want: "signature.encoding"},
		{name: "a signature that nests", signed: annotate(annSignature, base64.StdEncoding.EncodeToString(deep)),
			want: "signature.encoding rekor.signature"},
		{name: "a signature of 2 GiB, as its DER says", signed: annotate(annSignature, base64.StdEncoding.EncodeToString([]byte(long))),
			want: "signature.encoding rekor.signature"},
	})
	threats(t, "cert", []threat{
		{name: "a certificate that nests", signed: annotate(certificate, block(string(deep[:40_000]))), want: "cert.encoding"},
		{name: "a certificate of 2 GiB, as its DER says", signed: annotate(certificate, block(long)), want: "cert.encoding"},
	})
	threats(t, "rekor", []threat{
		{name: "a signed entry timestamp that nests", want: "rekor.set", signed: afterSET(func(b *fixture.RekorBundle) {
			b.SignedEntryTimestamp = base64.StdEncoding.EncodeToString(deep[:8<<10])
		})},
	})
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestStrippedAndDemanded: what was removed is missed where it was demanded.
func TestStrippedAndDemanded(t *testing.T) {
	attested := withAttestation(predicateSLSA, fixture.BundleStages{})
	signs := func(f *fixture.Forge) { sigstore().AttachForge(f, 0, fixture.BundleStages{}) }
	demanded := func(r *verify.Rule) {
		r.Attestations = []verify.RequiredAttestation{{Name: "slsa", PredicateType: predicateSLSA, Count: 1}}
	}
	vouchCases(t, []vouchCase{
		{name: "there", forge: func(f *fixture.Forge) { signs(f); attested(f) }, rule: demanded, by: check.VouchedBySignature},
		{name: "stripped", forge: signs, rule: demanded, want: "policy.attestation"},
		{name: "the signature stripped", forge: attested, rule: demanded, want: "signature.present"},
	})
}
