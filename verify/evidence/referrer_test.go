package evidence_test

import (
	"bytes"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

func TestReadReferrerOfEachSample(t *testing.T) {
	s := loadStore(t)
	const sign, slsa, spdx = evidence.SignPredicate, "https://slsa.dev/provenance/v1", "https://spdx.dev/Document"
	for _, c := range []struct {
		name, predicate string
		manifest        oci.Digest
		annotated       bool
	}{
		{"key", sign, bundleKey, true},
		{"key, SLSA", slsa, bundleSLSA, false},
		{"key, SPDX", spdx, "sha256:88e15ba3462be72a8df71e7421145207c8b4401342dc9f78d4371249933f834e", false},
		{"by cosign 2", sign, "sha256:ec3527d42e227b49accc5d8889992fe9685cbe453f9195b3e7e504785ce4a783", false},
		{"Rekor v2", sign, bundleRekor2, true},
		{"Rekor v2, SLSA", slsa, "sha256:fbb8cba5044451b33a67a20f508100529dc90b39f3d8faeabf5d142fff23cffc", false},
		{"Rekor v2, SPDX", spdx, "sha256:edca61d7fbc6b8b51b45f0403f025ac89a83369d9cab992928572102a0217741", false},
		{"keyless", sign, bundleCert, true},
		{"keyless workflow", sign, "sha256:7ade51f464827aa7a96832d807ad0a0a9abfb0a19fc9232f6b35c2961a7484df", true},
		{"keyless, Rekor v2", sign, "sha256:f058c8076566f059b651b745296274612c69ac835e8ee0e23d84d647b276dba7", true},
		{"attestation only, SLSA", slsa, "sha256:32de96c12f7f7d4eba033f9da19eb5c7a7233fc9b7bb797bbaefc61cfdcb3fba",
			false},
		{"attestation only, SPDX", spdx, "sha256:8487bc8e628685da31550b29114f0c92de9a23745b3d27bcd62a8bb0092f1996",
			false},
		{"no log", sign, bundleNoLog, true},
		{"timestamp alone", sign, "sha256:10784e92cd3da96584e963e98c3a8b894818a4a4094ccd4d45ff9dab327f0cf4", true},
		{"both", sign, "sha256:07fb6b68cb1fa928dd50810f45eae64f7e6a16e152bd29e3b9f0002876d2e22c", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := only(t, evidence.Read(oci.KindBundle, c.manifest, image, s.blob))
			wantFaults(t, e.Problems)
			wantVerifies(t, e)
			if e.Form != "sigstore-bundle-v0.3" || e.Statement.PredicateType != c.predicate ||
				e.IsSignature() != (c.predicate == sign) {
				t.Errorf("%s, %s, signature %v", e.Form, e.Statement.PredicateType, e.IsSignature())
			}
			if repo := string(e.Statement.About(image)[0].Annotations["repo"]); (repo == `"acme/app"`) != c.annotated {
				t.Errorf("annotation %s", repo)
			}
			if e.ID() != string(c.manifest) || e.Envelope == nil || !bytes.Equal(e.Envelope.Payload, e.Payload) ||
				e.Hint == "" && e.Cert == nil {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestReadReferrerRefuses changes one thing in the manifest.
func TestReadReferrerRefuses(t *testing.T) {
	s := loadStore(t)
	const enc, claims = check.SignatureEncoding, check.SignatureClaims
	const config = `"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"`
	const layer = `"digest":"sha256:ea062c8330693d00bb10559748bd287acff3d8374b0fb93f760be09be5e33ead"`
	const predicate = `"dev.sigstore.bundle.predicateType":"https://sigstore.dev/cosign/sign/v1"`
	for _, c := range []struct {
		name, old, new string
		want           []check.ID
	}{
		{"unknown member", `{"schemaVersion"`, `{"x":1,"schemaVersion"`, nil},
		{"member twice", `{"schemaVersion"`, `{"schemaVersion":2,"schemaVersion"`, []check.ID{enc}},
		{"another subject", `"digest":"sha256:4f008ef8`, `"digest":"sha256:4f008ef9`, []check.ID{claims}},
		{"no subject", `"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":555,"digest":"sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"},`, ``, []check.ID{enc}},
		{"subject with more", `"size":555`, `"size":555,"annotations":{"x":"y"}`, nil},
		{"another artifact type", `},"artifactType":"` + typeV03, `},"artifactType":"application/x`,
			nil},
		{"artifact type of the config", `8a","artifactType":"` + typeV03, `8a","artifactType":"application/x`,
			nil},
		{"config not empty", config, `"digest":"sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"`, []check.ID{enc}},
		{"config of another type", `application/vnd.oci.empty.v1+json`, `application/vnd.oci.image.config.v1+json`,
			nil},
		{"config with more", config, config + `,"annotations":{"x":"y"}`, nil},
		{"config inlined", config, config + `,"data":"e30="`, nil},
		{"no layer", `"layers":[{"mediaType":"` + typeV03 + `","size":2382,` + layer + `}]`, `"layers":[]`,
			[]check.ID{enc}},
		{"layer with more", layer, layer + `,"annotations":{"x":"y"}`, nil},
		{"layer of another version", `"layers":[{"mediaType":"` + typeV03,
			`"layers":[{"mediaType":"application/vnd.dev.sigstore.bundle+json;version=0.2`, []check.ID{enc}},
		{"layer missing", layer, `"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000"`,
			nil},
		{"unknown annotation", predicate, predicate + `,"x":"y"`, nil},
		{"another predicate type", predicate, `"dev.sigstore.bundle.predicateType":"https://spdx.dev/Document"`,
			[]check.ID{claims}},
		{"another content", `dsse-envelope`, `message-signature`, []check.ID{claims}},
		{"no time", `2026-11-23T02:29:13Z`, `yesterday`, nil},
		{"no annotations", `"dev.sigstore.bundle.content":"dsse-envelope",` + predicate +
			`,"org.opencontainers.image.created":"2026-11-23T02:29:13Z"`, ``, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := only(t, evidence.ReadReferrer(s.put(replace(t, s[bundleKey], c.old, c.new)), image, s.blob))
			wantFaults(t, e.Problems, c.want...)
		})
	}
}

func TestReadReferrerOfAnotherStatement(t *testing.T) {
	s := loadStore(t)
	const other = oci.Digest("sha256:0000000000000000000000000000000000000000000000000000000000000000")
	e := only(t, evidence.ReadReferrer(s.put(replace(t, s[bundleKey], string(image), string(other))), other, s.blob))
	wantFaults(t, e.Problems, check.SignatureClaims)
	if e.Problems[0].Found != string(image) {
		t.Error(e.Problems)
	}
	e = only(t, evidence.ReadReferrer(s.swap(t, bundleKey, []byte("{}")), image, s.blob))
	wantFaults(t, e.Problems, check.SignatureEncoding)
	if e.IsSignature() || e.Form != "sigstore-bundle-v0.3" {
		t.Errorf("%+v", e)
	}
	noContent := cut(t, s.layer(t, bundleNoLog, 0), `,"dsseEnvelope"`, `}]}}`)
	noContent = replace(t, noContent, `}]}}`, `}`)
	e = only(t, evidence.ReadReferrer(s.swap(t, bundleKey, noContent), image, s.blob))
	wantFaults(t, e.Problems, check.SignatureEncoding)
	e = only(t, evidence.ReadReferrer(other, image, s.blob))
	wantFaults(t, e.Problems, check.SignatureEncoding)
	if e.Form != check.SigstoreBundle("") {
		t.Error(e.Form)
	}
}

func TestReadReferrerOfAMessageSignature(t *testing.T) {
	s := loadStore(t)
	manifest := func(content, more string) oci.Digest {
		m := replace(t, s[s.swap(t, bundleKey, []byte(messageBundle))], "dsse-envelope", content,
			`,"dev.sigstore.bundle.predicateType":"https://sigstore.dev/cosign/sign/v1"`, more)
		return s.put(m)
	}
	e := only(t, evidence.ReadReferrer(manifest("message-signature", ""), image, s.blob))
	wantFaults(t, e.Problems)
	if !e.IsSignature() || !bytes.Equal(e.Message, s[image]) || e.Payload != nil || e.Statement != nil ||
		e.Envelope != nil {
		t.Errorf("%+v", e)
	}
	e = only(t, evidence.ReadReferrer(manifest("dsse-envelope", ""), image, s.blob))
	wantFaults(t, e.Problems, check.SignatureClaims)
	e = only(t, evidence.ReadReferrer(manifest("message-signature",
		`,"dev.sigstore.bundle.predicateType":"https://sigstore.dev/cosign/sign/v1"`), image, s.blob))
	wantFaults(t, e.Problems, check.SignatureClaims)
	e = only(t, evidence.ReadReferrer(s.put(replace(t, s[manifest("message-signature", "")], string(image),
		string(bundleKey))), bundleKey, s.blob))
	wantFaults(t, e.Problems, check.SignatureClaims)
}
