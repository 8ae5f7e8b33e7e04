package evidence_test

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

func TestReadCosign(t *testing.T) {
	s := loadStore(t)
	for _, c := range []struct {
		name     string
		manifest oci.Digest
		cert     bool
		chain    int
		kind     string
	}{
		{"key", sigKey, false, 0, "hashedrekord 0.0.1"},
		{"keyless", sigKeyless, true, 2, "hashedrekord 0.0.1"},
		{"no log", sigNoLog, false, 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := only(t, evidence.Read(oci.KindSignature, c.manifest, image, s.blob))
			wantFaults(t, e.Problems)
			wantVerifies(t, e)
			if e.Form != check.FormSimpleSigning || !e.IsSignature() || !bytes.Equal(e.Message, e.Payload) ||
				e.Statement != nil {
				t.Errorf("%+v", e)
			}
			if (e.Cert != nil) != c.cert || len(e.Chain) != c.chain || (len(e.Entries) == 1) != (e.Rekor != nil) {
				t.Errorf("%+v", e)
			}
			kind := ""
			for _, l := range e.Entries {
				kind = l.Kind + " " + l.Version
				if err := l.Check(); err != nil {
					t.Error(err)
				}
			}
			if kind != c.kind {
				t.Errorf("entry %q", kind)
			}
		})
	}
	if evidence.Read(oci.KindSBOM, sigKey, image, s.blob) != nil {
		t.Error("an SBOM was read")
	}
}

// TestReadCosignRefuses changes one thing in the manifest of a signature.
func TestReadCosignRefuses(t *testing.T) {
	s := loadStore(t)
	const enc, claims = check.SignatureEncoding, check.SignatureClaims
	const sig = `"dev.cosignproject.cosign/signature":"`
	for _, c := range []struct {
		name, old, new string
		want           []check.ID
	}{
		{"unknown member", `{"schemaVersion"`, `{"x":1,"schemaVersion"`, nil},
		{"annotations of the manifest", `{"schemaVersion"`, `{"annotations":{},"schemaVersion"`, nil},
		{"artifact type", `{"schemaVersion"`, `{"artifactType":"application/x","schemaVersion"`, nil},
		{"artifact type of OCI 1.1", `{"schemaVersion"`,
			`{"artifactType":"application/vnd.dev.cosign.artifact.sig.v1+json","schemaVersion"`, nil},
		{"another subject", `{"schemaVersion"`, `{"subject":{"mediaType":"x","size":1,"digest":"sha256:x"},"schemaVersion"`, []check.ID{claims}},
		{"config with more", `"size":233`, `"size":233,"annotations":{"a":"b"}`, nil},
		{"config missing", `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":233,"digest":"sha256:2146f618d4fa7b2d4f2ec93675cf2e755dabb3c6a853475c7c305abf1bb193b5"},`, ``, nil},
		{"signature empty", sig + `MEUCIC+9tTmcJocqIDHbYZ0zhSCWTYFfMMbEalEG9dkaUMnuAiEAutZcx2mM6TnN019501tH3HW4gzzS6SqElGCNnl2xpko=`, sig, []check.ID{enc}},
		{"signature no base64", `xpko="`, `xpk!="`, []check.ID{enc}},
		{"signature without padding", `xpko="`, `xpko"`, nil},
		{"signature with a line break", sig, sig + `\n`, nil},
		{"unknown annotation", sig, `"x":"y",` + sig, nil},
		{"annotation of attestations", sig, `"predicateType":"y",` + sig, nil},
		{"another layer type", `application/vnd.dev.cosign.simplesigning.v1+json`,
			`application/vnd.dsse.envelope.v1+json`, []check.ID{enc}},
		{"layer with more", `"size":281`, `"size":281,"platform":{"os":"a","architecture":"b"}`, nil},
		{"log entry no JSON", `"dev.sigstore.cosign/bundle":"{`, `"dev.sigstore.cosign/bundle":"`,
			[]check.ID{check.RekorEncoding}},
		{"log id in upper case", `\"logID\":\"968f`, `\"logID\":\"968F`, []check.ID{check.RekorLogID}},
		{"log entry too large", `"dev.sigstore.cosign/bundle":"{`, `"dev.sigstore.cosign/bundle":"` +
			strings.Repeat(" ", 1<<20) + `{`, []check.ID{check.LimitEntry}},
		{"log entry of no kind", `eyJhcGlWZXJzaW9u`, `eyJhcGlWZXJzaW9v`, nil},
		{"certificate no PEM", sig, `"dev.sigstore.cosign/certificate":"x",` + sig, []check.ID{enc}},
		{"certificate empty", sig, `"dev.sigstore.cosign/certificate":"",` + sig, []check.ID{enc}},
		{"chain no PEM", sig, `"dev.sigstore.cosign/chain":"x",` + sig, []check.ID{enc}},
		{"chain empty", sig, `"dev.sigstore.cosign/chain":"",` + sig, nil},
		{"timestamp", sig, `"dev.sigstore.cosign/rfc3161timestamp":"{\"SignedRFC3161Timestamp\":\"AAAA\"}",` + sig,
			nil},
		{"timestamp with more", sig, `"dev.sigstore.cosign/rfc3161timestamp":"{\"SignedRFC3161Timestamp\":\"AAAA\",\"x\":1}",` + sig, []check.ID{enc}},
		{"timestamp empty", sig, `"dev.sigstore.cosign/rfc3161timestamp":"{}",` + sig, []check.ID{enc}},
		{"timestamp no base64", sig, `"dev.sigstore.cosign/rfc3161timestamp":"{\"SignedRFC3161Timestamp\":\"A\"}",` +
			sig, []check.ID{enc}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := only(t, evidence.ReadCosign(s.put(replace(t, s[sigKey], c.old, c.new)), image, s.blob))
			wantFaults(t, e.Problems, c.want...)
		})
	}
}

func TestReadCosignConfig(t *testing.T) {
	s := loadStore(t)
	const config = "sha256:2146f618d4fa7b2d4f2ec93675cf2e755dabb3c6a853475c7c305abf1bb193b5"
	for _, c := range []struct {
		name, old, new string
		want           []check.ID
	}{
		{"created", `"created":"0001-01-01T00:00:00Z","history"`, `"created":"2026-01-01T00:00:00Z","history"`, nil},
		{"architecture", `"architecture":""`, `"architecture":"amd64"`, nil},
		{"another payload", `"sha256:4a53`, `"sha256:4a54`, nil},
		{"a name twice", `"architecture":""`, `"architecture":"","architecture":""`,
			[]check.ID{check.SignatureEncoding}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := s.put(replace(t, s[config], c.old, c.new))
			e := only(t, evidence.ReadCosign(s.put(replace(t, s[sigKey], config, string(d))), image, s.blob))
			wantFaults(t, e.Problems, c.want...)
		})
	}
	missing := s.put(replace(t, s[sigKey], config, string(image[:70])+"0"))
	wantFaults(t, only(t, evidence.ReadCosign(missing, image, s.blob)).Problems)
	pretend := s.put(replace(t, s[sigKey], `"application/vnd.oci.image.config.v1+json"`,
		`"application/vnd.oci.empty.v1+json"`))
	wantFaults(t, only(t, evidence.ReadCosign(pretend, image, s.blob)).Problems, check.SignatureEncoding)
}

func TestCertificatesAsPEM(t *testing.T) {
	s := loadStore(t)
	block := func(typ string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	one := block("CERTIFICATE", []byte("abc"))
	for _, c := range []struct {
		name, text string
		chain      int // -1 if it must be refused
	}{
		{"two", one + one, 2},
		{"without the last line break", strings.TrimSpace(one), 1},
		{"with a blank line between", one + "\n" + one, 2},
		{"nothing", "", 0},
		{"ten", strings.Repeat(one, 10), 10},
		{"eleven", strings.Repeat(one, 11), -1},
		{"a key", block("PUBLIC KEY", []byte("abc")), -1},
		{"text before", "x\n" + one, 1},
		{"text between", one + "x\n" + one, 2},
		{"carriage returns", strings.ReplaceAll(one, "\n", `\r`+"\n"), 1},
		{"a broken block", one + strings.Replace(one, "YWJj", "YW!j", 1), -1},
		{"headers", strings.Replace(one, "-----\n", "-----\nA: b\n\n", 1), -1},
		{"other line length", strings.Replace(one, "YWJj", "YW\nJj", 1), 1},
		{"too large", strings.Repeat(" ", 64<<10) + one, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			const sig = `"dev.cosignproject.cosign/signature":"`
			value := strings.ReplaceAll(c.text, "\n", `\n`)
			m := s.put(replace(t, s[sigKey], sig, `"dev.sigstore.cosign/chain":"`+value+`",`+sig))
			e := only(t, evidence.ReadCosign(m, image, s.blob))
			if c.chain < 0 {
				wantFaults(t, e.Problems, check.SignatureEncoding)
				return
			}
			wantFaults(t, e.Problems)
			if len(e.Chain) != c.chain {
				t.Errorf("%d certificates, want %d", len(e.Chain), c.chain)
			}
			m = s.put(replace(t, s[sigKey], sig, `"dev.sigstore.cosign/certificate":"`+value+`",`+sig))
			if e := only(t, evidence.ReadCosign(m, image, s.blob)); (e.Cert != nil) != (c.chain == 1) ||
				len(e.Problems) > 0 != (c.chain != 1) {
				t.Errorf("as a certificate: %x, %v", e.Cert, e.Problems)
			}
		})
	}
}

func TestReadAttestations(t *testing.T) {
	s := loadStore(t)
	for _, manifest := range []oci.Digest{attKey, attBoth} {
		all := evidence.Read(oci.KindAttestation, manifest, image, s.blob)
		if len(all) != 2 {
			t.Fatal(len(all))
		}
		for i, predicate := range []string{"https://slsa.dev/provenance/v1", "https://spdx.dev/Document"} {
			e := all[i]
			wantFaults(t, e.Problems)
			wantVerifies(t, e)
			if e.Form != check.FormAttestation || e.IsSignature() || e.Statement.PredicateType != predicate ||
				e.Layer != i || len(e.Entries) != 1 {
				t.Errorf("%+v", e)
			}
			entry, err := e.Entries[0].ParseBody()
			if err != nil {
				t.Fatal(err)
			}
			if err := entry.BindEnvelope(e.Envelope); err != nil {
				t.Error(err)
			}
		}
		if id := all[1].ID(); id != string(manifest)+"#1" {
			t.Error(id)
		}
	}
}

// TestReadAttestationsRefuses changes a manifest with one attestation.
func TestReadAttestationsRefuses(t *testing.T) {
	s := loadStore(t)
	const enc, claims = check.SignatureEncoding, check.SignatureClaims
	config := s.put([]byte(`{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{"created":"0001-01-01T00:00:00Z"}],"os":"","rootfs":{"type":"layers","diff_ids":["sha256:9098765b0bd927a25c38dc01ffa0164cc053b03aa26a5997baf05c9ab678a27c"]},"config":{}}`))
	good := replace(t, cut(t, s[attKey], `,{"mediaType":"application/vnd.dsse.envelope.v1+json","size":1172`,
		`"predicateType":"https://spdx.dev/Document"}}]}`),
		`"predicateType":"https://spdx.dev/Document"}}`, ``,
		"sha256:ee652615b40008a8ab147113c36606868cc709101e015d3382fc3b4083426d51", string(config))
	wantFaults(t, only(t, evidence.ReadAttestations(s.put(good), image, s.blob)).Problems)
	const sig = `"dev.cosignproject.cosign/signature":""`
	const oldConfig = `"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":342,"digest":"`
	for _, c := range []struct {
		name, old, new string
		want           []check.ID
	}{
		{"unknown member", `{"schemaVersion"`, `{"x":1,"schemaVersion"`, nil},
		{"unknown annotation of the manifest", `{"schemaVersion"`, `{"annotations":{"x":"y"},"schemaVersion"`, nil},
		{"time of the manifest", `{"schemaVersion"`,
			`{"annotations":{"org.opencontainers.image.created":"2026-11-23T02:29:13Z"},"schemaVersion"`, nil},
		{"as a referrer", oldConfig + string(config) + `"}`,
			`"artifactType":"application/vnd.in-toto+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"` +
				string(oci.EmptyDigest) + `","artifactType":"application/vnd.in-toto+json"},"subject":{"mediaType":"x","size":1,"digest":"` + string(image) + `"}`, nil},
		{"another artifact type", `{"schemaVersion"`, `{"artifactType":"application/x","schemaVersion"`, nil},
		{"another subject", `{"schemaVersion"`, `{"subject":{"mediaType":"x","size":1,"digest":"sha256:x"},"schemaVersion"`, []check.ID{claims}},
		{"config with more", `"size":342`, `"size":342,"annotations":{"a":"b"}`, nil},
		{"config lists another", string(config), string(config[:70]) + "0", nil},
		{"a signature beside the envelope", sig, `"dev.cosignproject.cosign/signature":"AAAA"`, nil},
		{"no signature annotation", sig + `,`, ``, nil},
		{"another predicate type", `"predicateType":"https://slsa.dev/provenance/v1"`,
			`"predicateType":"https://sigstore.dev/cosign/sign/v1"`, []check.ID{claims}},
		{"unknown annotation", sig, sig + `,"x":"y"`, nil},
		{"annotation in another case", sig, sig + `,"PredicateType":"y"`, []check.ID{enc}},
		{"another layer type", `application/vnd.dsse.envelope.v1+json`, `application/vnd.in-toto+json`,
			[]check.ID{enc}},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := only(t, evidence.ReadAttestations(s.put(replace(t, good, c.old, c.new)), image, s.blob))
			wantFaults(t, e.Problems, c.want...)
		})
	}
	e := only(t, evidence.ReadAttestations("sha256:x", image, s.blob))
	wantFaults(t, e.Problems, check.SignatureEncoding)
}

// TestReadAttestationsOfOtherPayloads puts another envelope into the layer.
func TestReadAttestationsOfOtherPayloads(t *testing.T) {
	s := loadStore(t)
	envelope := func(statement string) []byte {
		return []byte(`{"payloadType":"application/vnd.in-toto+json","payload":"` +
			base64.StdEncoding.EncodeToString([]byte(statement)) + `","signatures":[{"sig":"AAAA"}]}`)
	}
	read := func(raw []byte) evidence.Evidence {
		m := `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","size":2,"digest":"` + string(oci.EmptyDigest) +
			`"},"layers":[{"mediaType":"application/vnd.dsse.envelope.v1+json","size":1,"digest":"` +
			string(s.put(raw)) + `"}]}`
		return only(t, evidence.ReadAttestations(s.put([]byte(m)), image, s.blob))
	}
	e := read(envelope(signed))
	wantFaults(t, e.Problems)
	if !e.IsSignature() {
		t.Error("a statement of the sign predicate does not count as a signature")
	}
	const subject = `{"name":"a","digest":{"sha256":"4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"},"annotations":{"repo":"acme/app","n":1}}`
	for _, c := range []struct{ name, old, new, found string }{
		{"another image", `"4f008ef8`, `"4f008ef9`, "sha256:4f008ef9"},
		{"no subject", subject, ``, "0 subjects"},
		{"no SHA-256", `"sha256"`, `"sha512"`, "none with a SHA-256"},
		{"others", subject, strings.Replace(subject+","+subject, "4f008ef8", "4f008ef9", 2), "2 subjects in all"},
		{"the image twice", subject, subject + "," + subject, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := read(envelope(string(replace(t, []byte(signed), c.old, c.new))))
			wantFaults(t, e.Problems, check.SignatureClaims)
			wantFault(t, e.Problems[0], check.SignatureClaims, c.found)
		})
	}
	twice := string(replace(t, []byte(signed), subject, subject+","+subject, evidence.SignPredicate,
		"https://slsa.dev/provenance/v1"))
	e = read(envelope(twice))
	wantFaults(t, e.Problems)
	if e.IsSignature() {
		t.Error("an attestation passes as a signature")
	}
	e = read(envelope("{}"))
	wantFaults(t, e.Problems, check.SignatureClaims)
	if e.IsSignature() || e.Message == nil || e.Statement != nil {
		t.Errorf("%+v", e)
	}
	wantFaults(t, read([]byte("{}")).Problems, check.SignatureEncoding)
}
