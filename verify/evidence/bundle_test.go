package evidence_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

func TestReadBundleOfEachSample(t *testing.T) {
	s := loadStore(t)
	for _, c := range []struct {
		name       string
		manifest   oci.Digest
		cert       bool
		entries    string
		timestamps int
	}{
		{"key", bundleKey, false, "dsse 0.0.1", 0},
		{"SLSA attestation", bundleSLSA, false, "dsse 0.0.1", 0},
		{"by cosign 2", "sha256:ec3527d42e227b49accc5d8889992fe9685cbe453f9195b3e7e504785ce4a783", false,
			"dsse 0.0.1", 0},
		{"Rekor v2", bundleRekor2, false, "hashedrekord 0.0.2", 1},
		{"keyless", bundleCert, true, "dsse 0.0.1", 1},
		{"keyless workflow", "sha256:7ade51f464827aa7a96832d807ad0a0a9abfb0a19fc9232f6b35c2961a7484df", true,
			"dsse 0.0.1", 1},
		{"keyless, Rekor v2", "sha256:f058c8076566f059b651b745296274612c69ac835e8ee0e23d84d647b276dba7", true,
			"hashedrekord 0.0.2", 1},
		{"no log", bundleNoLog, false, "", 0},
		{"timestamp alone", "sha256:10784e92cd3da96584e963e98c3a8b894818a4a4094ccd4d45ff9dab327f0cf4", false, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, faults := evidence.ReadBundle(s.layer(t, c.manifest, 0), typeV03)
			wantFaults(t, faults)
			if b == nil || b.Version != "0.3" || b.Envelope == nil || b.Message != nil || b.Chain != nil {
				t.Fatal("no bundle 0.3 with an envelope and without a chain")
			}
			if (b.Cert != nil) != c.cert || (b.Hint == "") != c.cert || len(b.Timestamps) != c.timestamps {
				t.Errorf("certificate %v, hint %q, %d timestamps", b.Cert != nil, b.Hint, len(b.Timestamps))
			}
			kinds := ""
			for _, e := range b.Entries {
				kinds += e.Kind + " " + e.Version
				if err := e.Check(); err != nil {
					t.Error(err)
				}
				if err := e.Proof.Verify(e.Body); err != nil {
					t.Error(err)
				}
			}
			if kinds != c.entries {
				t.Errorf("entries %q, want %q", kinds, c.entries)
			}
		})
	}
}

func TestReadBundleOfOlderVersions(t *testing.T) {
	s := loadStore(t)
	chained := replace(t, s.layer(t, bundleCert, 0), `"certificate":{"rawBytes":`,
		`"x509CertificateChain":{"certificates":[{"rawBytes":`,
		`},"tlogEntries"`, `},{"rawBytes":"AAAA"}]},"tlogEntries"`)
	for _, version := range []string{"0.1", "0.2"} {
		old := "application/vnd.dev.sigstore.bundle+json;version=" + version
		b, faults := evidence.ReadBundle(replace(t, chained, typeV03, old), old)
		wantFaults(t, faults)
		if b.Version != version || len(b.Cert) < 500 || len(b.Chain) != 1 || !bytes.Equal(b.Chain[0], []byte{0, 0, 0}) {
			t.Errorf("%s: %s, certificate of %d bytes, chain %x", version, b.Version, len(b.Cert), b.Chain)
		}
		wantIDs(t, replace(t, chained, typeV03, old), typeV03, check.SignatureEncoding)
	}
	old := "application/vnd.dev.sigstore.bundle+json;version=0.3"
	if b, faults := evidence.ReadBundle(replace(t, s.layer(t, bundleKey, 0), typeV03, old), typeV03); b == nil ||
		len(faults) > 0 {
		t.Error("the two spellings of version 0.3 are not one", faults)
	}
	wantIDs(t, chained, typeV03, check.SignatureEncoding)
}

// TestReadBundleByVersion removes a proof or a promise from an entry.
func TestReadBundleByVersion(t *testing.T) {
	raw := loadStore(t).layer(t, bundleKey, 0)
	noProof := cut(t, raw, `"inclusionProof":`, `"canonicalizedBody"`)
	noPromise := cut(t, raw, `"integratedTime":`, `"inclusionProof"`)
	timeAlone := cut(t, raw, `"inclusionPromise":`, `"inclusionProof"`)
	noCheckpoint := cut(t, raw, `,"checkpoint":`, `},"canonicalizedBody"`)
	const v01, v02 = "application/vnd.dev.sigstore.bundle+json;version=0.1", "application/vnd.dev.sigstore.bundle+json;version=0.2"
	for _, c := range []struct {
		name string
		raw  []byte
		as   string
		want []check.ID
	}{
		{"0.1 without proof", noProof, v01, nil},
		{"0.1 without promise", noPromise, v01, []check.ID{check.RekorEncoding}},
		{"0.1 without checkpoint", noCheckpoint, v01, nil},
		{"0.2 without proof", noProof, v02, []check.ID{check.RekorEncoding}},
		{"0.3 without proof", noProof, typeV03, []check.ID{check.RekorEncoding}},
		{"0.3 without checkpoint", noCheckpoint, typeV03, []check.ID{check.RekorEncoding}},
		{"0.3 without promise", noPromise, typeV03, nil},
		{"0.3 with a time that nothing signs", timeAlone, typeV03, []check.ID{check.RekorEncoding}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, faults := evidence.ReadBundle(replace(t, c.raw, typeV03, c.as), c.as)
			wantFaults(t, faults, c.want...)
			if b == nil || len(b.Entries) != 1 {
				t.Error("what could be read is missing")
			}
		})
	}
}

// cut removes everything from one text up to another.
func cut(t *testing.T, raw []byte, from, to string) []byte {
	t.Helper()
	i, j := bytes.Index(raw, []byte(from)), bytes.Index(raw, []byte(to))
	if i < 0 || j < i {
		t.Fatalf("%q does not come before %q", from, to)
	}
	return append(bytes.Clone(raw[:i]), raw[j:]...)
}

func wantIDs(t *testing.T, raw []byte, mediaType string, want ...check.ID) {
	t.Helper()
	_, faults := evidence.ReadBundle(raw, mediaType)
	wantFaults(t, faults, want...)
}

func TestReadBundleRefuses(t *testing.T) {
	s := loadStore(t)
	good := s.layer(t, bundleKey, 0)
	const enc, log, claims = check.SignatureEncoding, check.RekorEncoding, check.SignatureClaims
	const entry = `"tlogEntries":[`
	for _, c := range []struct {
		name     string
		old, new string
		id       check.ID
		says     string
	}{
		{"member twice", `{"mediaType"`, `{"mediaType":"x","mediaType"`, enc, "duplicate"},
		{"member twice in an entry", `"logIndex":"6","logId"`, `"logIndex":"6","logIndex":"6","logId"`, log,
			"duplicate"},
		{"unknown member", `{"mediaType"`, `{"x":1,"mediaType"`, enc, "unknown member"},
		{"snake case", `"dsseEnvelope"`, `"dsse_envelope"`, "", ""},
		{"both names of a member", `{"mediaType"`, `{"media_type":"x","mediaType"`, enc, "duplicate"},
		{"case variant", `"payloadType"`, `"PayloadType"`, enc, "unknown member"},
		{"extension name", `{"mediaType"`, `{"[x.y]":1,"mediaType"`, enc, "unknown member"},
		{"null", `"publicKey":{"hint":"WRTQ7O4f7lTlmtmd9m3XyBTci8ra871TfPWgstmYSRU="}`, `"publicKey":null`, enc,
			"neither a public key"},
		{"null string", `"hint":"WRTQ7O4f7lTlmtmd9m3XyBTci8ra871TfPWgstmYSRU="`, `"hint":null`, "", ""},
		{"null list", `"signatures":[`, `"signatures":null,"x":[`, enc, "unknown member"},
		{"number for an integer", `"logIndex":"6","logId"`, `"logIndex":6,"logId"`, "", ""},
		{"integer with a plus", `"logIndex":"6","logId"`, `"logIndex":"+6","logId"`, log, "plain integer"},
		{"integer with an exponent", `"logIndex":"6","logId"`, `"logIndex":"6e0","logId"`, log, "plain integer"},
		{"integer too large", `"logIndex":"6","logId"`, `"logIndex":"9223372036854775808","logId"`, log,
			"plain integer"},
		{"base64 without padding", `q3ZY="`, `q3ZY"`, "", ""},
		{"two alphabets", `"keyId":"lo+F`, `"keyId":"l_+F`, log, "base64"},
		{"base64 with a line break", `"keyId":"lo+F`, `"keyId":"lo+F\n`, "", ""},
		{"base64 with stray bits", `"sig":"MEUCIQCFlxA/U/6N0XKvsWhQG/IPF8Oz9mgJlMT6GO/deDg5kAIgApJ+Opfc+VW2/ifwm+pzC6wTQKPV73scvPiO4LHq3ZY="`,
			`"sig":"MEUCIQCFlxA/U/6N0XKvsWhQG/IPF8Oz9mgJlMT6GO/deDg5kAIgApJ+Opfc+VW2/ifwm+pzC6wTQKPV73scvPiO4LHq3ZZ="`, enc, "base64"},
		{"data after the end", `{"sig":"MEUCIQCFlxA/U/6N0XKvsWhQG/IPF8Oz9mgJlMT6GO/deDg5kAIgApJ+Opfc+VW2/ifwm+pzC6wTQKPV73scvPiO4LHq3ZY="}]}}`,
			`{"sig":"AAAA"}]}} {}`, enc, "after the end"},
		{"byte order mark", `{"mediaType"`, "\xef\xbb\xbf" + `{"mediaType"`, enc, "byte order mark"},
		{"another media type", typeV03, "application/vnd.dev.sigstore.bundle.v0.4+json", enc, "media type"},
		{"another version", typeV03, "application/vnd.dev.sigstore.bundle+json;version=0.2", enc, "media type"},
		{"no media type", `"mediaType":"` + typeV03 + `",`, ``, enc, "media type"},
		{"neither key nor certificate", `"publicKey":{"hint":"WRTQ7O4f7lTlmtmd9m3XyBTci8ra871TfPWgstmYSRU="},`, ``,
			enc, "neither a public key"},
		{"key and certificate", entry, `"certificate":{"rawBytes":"AAAA"},` + entry, enc, "oneof"},
		{"empty certificate", `"publicKey":{"hint":"WRTQ7O4f7lTlmtmd9m3XyBTci8ra871TfPWgstmYSRU="}`,
			`"certificate":{}`, enc, "empty certificate"},
		{"envelope and message", `"dsseEnvelope"`, `"messageSignature":{},"dsseEnvelope"`, enc, "oneof"},
		{"two signatures", `"signatures":[`, `"signatures":[{"sig":"AAAA"},`, enc, "2 signatures"},
		{"empty signature in the envelope", `"signatures":[{"sig":"MEUCIQCFlxA/U/6N0XKvsWhQG/IPF8Oz9mgJlMT6GO/deDg5kAIgApJ+Opfc+VW2/ifwm+pzC6wTQKPV73scvPiO4LHq3ZY="}]`,
			`"signatures":[{"sig":""}]`, enc, "empty signature"},
		{"another payload type", `"payloadType":"application/vnd.in-toto+json"`, `"payloadType":"text/plain"`, claims,
			"payload type"},
		{"another key id", `"signatures":[{`, `"signatures":[{"keyid":"other",`, "", ""},
		{"white space", `,"tlogEntries"`, `, "tlogEntries"`, "", ""},
		{"white space after", `q3ZY="}]}}`, "q3ZY=\"}]}}\n", "", ""},
		{"an escaped name", `"dsseEnvelope"`, `"dsse\u0045nvelope"`, "", ""},
		{"the same key id", `"signatures":[{`, `"signatures":[{"keyid":"WRTQ7O4f7lTlmtmd9m3XyBTci8ra871TfPWgstmYSRU=",`, "", ""},
		{"an empty key id", `"signatures":[{`, `"signatures":[{"keyid":"",`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := evidence.ReadBundle(replace(t, good, c.old, c.new), typeV03)
			if c.id == "" {
				wantFaults(t, faults)
				return
			}
			wantFaults(t, faults, c.id)
			wantFault(t, faults[0], c.id, c.says)
		})
	}
}

// TestReadBundleWithSpaces has a space after each comma, as some builds of
// protojson do.
func TestReadBundleWithSpaces(t *testing.T) {
	good := loadStore(t).layer(t, bundleKey, 0)
	spaced := bytes.ReplaceAll(good, []byte(`,"`), []byte(`, "`))
	_, faults := evidence.ReadBundle(spaced, typeV03)
	wantFaults(t, faults)
}

func TestReadBundleBudgets(t *testing.T) {
	good := loadStore(t).layer(t, bundleKey, 0)
	many := func(what string, n int) string { return strings.Repeat(what+",", n-1) + what }
	const hash = `"UTT1LHd3UBLlG3H79kx6t9Rz4CLEOpXENB9bGWg5PXI="`
	for _, c := range []struct {
		name     string
		old, new string
		id       check.ID
	}{
		{"33 log entries", `"tlogEntries":[`, `"tlogEntries":[` + many(`{}`, 32) + `,`, check.LimitEntry},
		{"a long proof", `,` + hash, `,` + many(hash, 64), check.LimitEntry},
		{"many signatures", `"signatures":[`, `"signatures":[` + many(`{}`, 64) + `,`, check.LimitEvidence},
		{"many timestamps", `"tlogEntries"`, `"timestampVerificationData":{"rfc3161Timestamps":[` + many(`{}`,
			33) + `]},"tlogEntries"`, check.LimitEvidence},
		{"many certificates", `"publicKey":{"hint":"WRTQ7O4f7lTlmtmd9m3XyBTci8ra871TfPWgstmYSRU="}`,
			`"x509CertificateChain":{"certificates":[` + many(`{}`, 11) + `]}`, check.LimitEvidence},
		{"too large", `{"mediaType"`, strings.Repeat(" ", evidence.MaxSize) + `{"mediaType"`, check.LimitEvidence},
		{"deep nesting", `{"mediaType"`, strings.Repeat(`{"verificationMaterial":`, 9000) + `{"mediaType"`,
			check.SignatureEncoding},
		{"long name", `{"mediaType"`, `{"` + strings.Repeat("x", 1<<20) + `":1,"mediaType"`, check.SignatureEncoding},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, faults := evidence.ReadBundle(replace(t, good, c.old, c.new), typeV03)
			wantFaults(t, faults, c.id)
			if b != nil {
				t.Error("a bundle over its budget was read")
			}
		})
	}
}

func TestReadBundleOfDamagedText(t *testing.T) {
	good := loadStore(t).layer(t, bundleCert, 0)
	for n := 0; n < len(good); n += 11 {
		if b, faults := evidence.ReadBundle(good[:n], typeV03); b != nil || len(faults) != 1 {
			t.Fatalf("cut off at %d: %v", n, faults)
		}
	}
	for _, text := range []string{"", "null", "[]", "1", `""`, "{}", `{"mediaType":"` + typeV03 + `"}`} {
		if _, faults := evidence.ReadBundle([]byte(text), typeV03); len(faults) == 0 {
			t.Errorf("%q was read", text)
		}
	}
}

const messageBundle = `{"mediaType":"` + typeV03 + `","verificationMaterial":{"publicKey":{"hint":"x"}},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"TwCO+JZbx1YkCDLfHAPQ8tk4sEXfzRbNUquIKhAgUiY="},"signature":"AAAA"}}`

func TestReadBundleOfAMessageSignature(t *testing.T) {
	b, faults := evidence.ReadBundle([]byte(messageBundle), typeV03)
	wantFaults(t, faults)
	if b.Envelope != nil || b.Message == nil || b.Message.Digest != image ||
		!bytes.Equal(b.Message.Signature, []byte{0, 0, 0}) {
		t.Errorf("%+v", b.Message)
	}
	for _, c := range []struct{ name, old, new, says string }{
		{"another algorithm", `SHA2_256`, `SHA2_512`, "no SHA-256"},
		{"unknown algorithm", `SHA2_256`, `MD5`, "algorithm"},
		{"another algorithm as a number", `"SHA2_256"`, `3`, "no SHA-256"},
		{"short digest", `"TwCO+JZbx1YkCDLfHAPQ8tk4sEXfzRbNUquIKhAgUiY="`, `"AAAA"`, "no SHA-256"},
		{"no digest", `"messageDigest":{"algorithm":"SHA2_256","digest":"TwCO+JZbx1YkCDLfHAPQ8tk4sEXfzRbNUquIKhAgUiY="},`, ``, "no SHA-256"},
		{"empty signature", `"signature":"AAAA"`, `"signature":""`, "empty"},
		{"empty timestamp", `{"publicKey"`, `{"timestampVerificationData":{"rfc3161Timestamps":[{}]},"publicKey"`,
			"empty timestamp"},
		{"empty chain", `"publicKey":{"hint":"x"}`, `"x509CertificateChain":{}`, "chain"},
		{"no content", `"messageSignature"`, `"unknown"`, "unknown member"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, faults := evidence.ReadBundle(replace(t, []byte(messageBundle), c.old, c.new), typeV03)
			wantFaults(t, faults, check.SignatureEncoding)
			wantFault(t, faults[0], check.SignatureEncoding, c.says)
		})
	}
	empty := `{"mediaType":"` + typeV03 + `","verificationMaterial":{"publicKey":{}}}`
	wantIDs(t, []byte(empty), typeV03, check.SignatureEncoding)
	old := "application/vnd.dev.sigstore.bundle+json;version=0.1"
	wantIDs(t, replace(t, []byte(messageBundle), typeV03, old, `"publicKey":{"hint":"x"}`,
		`"x509CertificateChain":{}`), old, check.SignatureEncoding)
}
