package verify_test

import (
	"bytes"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// good is a Sigstore bundle by the publisher, beside the one that a case makes.
func good(f *fixture.Forge) { sigstore().AttachForge(f, 0, fixture.BundleStages{}) }

// legacy is a good signature of cosign's first generation by the publisher.
func legacy(f *fixture.Forge) {
	(&fixture.Signer{Key: sigstore().Key, Log: sigstore().Rekor1}).SignForge(f, 0)
}

func TestReferrerThreats(t *testing.T) {
	other := fixture.Describe(oci.TypeManifest, fixture.NewRegistry().RootOf("app:v2"), 7)
	manifest := func(change func([]byte) []byte) fixture.BundleStages {
		return fixture.BundleStages{Manifest: change}
	}
	annotated := func(name, value string) fixture.BundleStages {
		return manifest(fixture.Swap(`"schemaVersion":2`, `"annotations":{"`+name+`":"`+value+`"},"schemaVersion":2`))
	}
	// The subject is the last member of the manifest.
	subject := func(text string) fixture.BundleStages {
		return manifest(func(b []byte) []byte { return append(b[:bytes.Index(b, []byte(`,"subject"`))], text+"}"...) })
	}
	modernThreats(t, "signature", []modern{
		{name: "annotation of another predicate than was signed", made: annotated("dev.sigstore.bundle.predicateType", predicateVuln), want: "signature.claims"},
		{name: "annotation of another content", made: annotated("dev.sigstore.bundle.content", "message-signature"), want: "signature.claims"},
		{name: "annotation that cosign does not write", made: annotated("note", "covert")},
		{name: "annotations as cosign writes them", made: annotated("dev.sigstore.bundle.predicateType", fixture.SignPredicate)},
		{name: "no subject", made: subject(""), want: "signature.encoding"},
		{name: "artifact type of another version", made: manifest(fixture.Swap(`"artifactType":"`+fixture.TypeSigstoreBundle+`","config":{`, `"artifactType":"application/vnd.dev.sigstore.bundle+json;version=0.2","config":{`))},
	})
	modernThreats(t, "layout", []modern{
		{name: "subject is another image", made: subject(`,"subject":` + other), want: "layout.inventory signature.claims"},
	})
}

// A statement whose predicate is not cosign's own is an attestation, which never
// counts as a signature of the image.
func TestAttestationIsNoSignature(t *testing.T) {
	const alone = "signature.present"
	cases := []modern{}
	for name, predicate := range map[string]string{
		"vuln": predicateVuln, "SBOM": predicateSBOM, "provenance": predicateSLSA,
		"a sign predicate in another case": "https://sigstore.dev/cosign/Sign/v1",
		"a sign predicate of v2":           "https://sigstore.dev/cosign/sign/v2",
		"a sign predicate that goes on":    fixture.SignPredicate + "/",
	} {
		keyless := claims(predicate)
		keyless.Flavour = keylessRekor2
		cases = append(cases, modern{name: "new bundle with predicateType " + name + " offered as image signature (cosign accepts)", made: claims(predicate), want: alone},
			modern{name: "keyless: predicateType " + name, made: keyless, want: alone},
			modern{name: "beside a signature: predicateType " + name, made: claims(predicate), beside: good, warn: "policy.reference-unbound"})
	}
	modernThreats(t, "signature", append(cases, modern{
		name: "an annotation that calls it a signature", want: alone, warn: "policy.reference-unbound note:signature.claims",
		made: fixture.BundleStages{Claim: claims(predicateVuln).Claim, Manifest: fixture.Swap(`"schemaVersion":2`, `"annotations":{"dev.sigstore.bundle.predicateType":"`+fixture.SignPredicate+`"},"schemaVersion":2`)},
	}))
}

func TestDemandedAttestations(t *testing.T) {
	demand := func(o *verify.Options) {
		o.Attestations = []verify.RequiredAttestation{{Name: "vuln", PredicateType: predicateVuln, Count: 1}}
	}
	two := func(o *verify.Options) { demand(o); o.Attestations[0].Count = 2 }
	twice := func(f *fixture.Forge) { good(f); sigstore().AttachForge(f, 0, claims(predicateVuln)) }
	broken := func(change func(*fixture.BundleStages)) fixture.BundleStages {
		st := claims(predicateVuln)
		change(&st)
		return st
	}
	const missing = "policy.attestation"
	modernThreats(t, "policy", []modern{
		{name: "one of the demanded type", made: claims(predicateVuln), beside: good, opt: demand},
		{name: "two of the demanded type, by one key", made: claims(predicateVuln), beside: twice, opt: demand},
		{name: "no attestation of the demanded type (CVE-2022-35929)", made: claims(predicateSBOM), beside: good, opt: demand, want: missing},
		{name: "no attestation at all", opt: demand, want: missing},
		{name: "demanded type that only begins alike", made: claims(predicateVuln + "/more"), beside: good, opt: demand, want: missing},
		{name: "demanded type in another case", made: claims("https://cosign.sigstore.dev/attestation/VULN/v1"), beside: good, opt: demand, want: missing},
		{name: "by a key that is not pinned", by: unpinnedSigstore(t), made: claims(predicateVuln), beside: good, opt: demand, want: missing, warn: "trust.key policy.reference-unbound"},
		{name: "about another image", made: broken(func(st *fixture.BundleStages) {
			st.Claim = func(m *fixture.Making) {
				m.Payload = fixture.Statement(fixture.NewRegistry().RootOf("app:v2"), predicateVuln)
			}
		}), beside: good, opt: demand, want: missing},
		{name: "log entry about something else", made: broken(func(st *fixture.BundleStages) { st.Body = about(rekor1, unrelated).Body }), beside: good, opt: demand, want: missing},
		{name: "not logged", made: broken(func(st *fixture.BundleStages) { st.Unlogged = true }), beside: good, opt: demand, want: missing},
		{name: "payload changed", made: broken(func(st *fixture.BundleStages) {
			st.Bundle = func(m *fixture.Making) { m.Bundle.GetDsseEnvelope().Payload = append([]byte(" "), m.Payload...) }
		}), beside: good, opt: demand, want: missing},
		{name: "predicate that is no object (CVE-2026-39395)", made: broken(func(st *fixture.BundleStages) {
			st.Claim = func(m *fixture.Making) {
				m.Payload = fixture.Swap(`"predicate":{}`, `"predicate":[]`)(fixture.Statement(m.Image, predicateVuln))
			}
		}), beside: good, opt: demand, want: missing},
		{name: "two demanded, both by one key", made: claims(predicateVuln), beside: twice, opt: two, want: missing},
		{name: "two demanded, one there", made: claims(predicateVuln), beside: good, opt: two, want: missing},
	})
}

func unpinnedSigstore(t *testing.T) *fixture.Sigstore {
	return sigstore().With(func(s *fixture.Sigstore) { s.Key = fixture.NewSigstore(t).Key })
}

// A signature that does not count is a warning beside one that does, and alone does
// not verify.
func TestSignaturesBeside(t *testing.T) {
	const unbound = "policy.reference-unbound"
	all := func(o *verify.Options) { o.RequireAll = true }
	eve := unpinnedSigstore(t)
	keylessEve := fixture.BundleStages{Flavour: keyless}
	private := eve.With(func(s *fixture.Sigstore) { s.Rekor1 = fixture.NewSigstore(t).Rekor1 })
	pinned := func(o *verify.Options) {
		o.Identities, o.Keys = nil, sigstore().Options(sigstore().TrustedRoot(nil), false).Keys
	}
	flipped := finished(rekor1, flipSignature)
	modernThreats(t, "trust", []modern{
		{name: "legacy signature alone beside a good bundle", beside: legacy, warn: unbound},
		{name: "an unpinned bundle beside a good legacy signature", by: eve, beside: legacy, warn: unbound + " note:trust.key"},
		{name: "an unpinned bundle beside a good bundle", by: eve, beside: good, warn: unbound + " note:trust.key"},
		{name: "an unpinned bundle alone", by: eve, want: "trust.key", warn: unbound},
		{name: "an unpinned bundle, logged in a private log, beside a good one", by: private, beside: legacy, warn: unbound + " note:trust.key note:trust.log"},
		{name: "an unpinned bundle, logged in a private log, alone", by: private, want: "trust.key trust.log"},
		{name: "an unpinned keyless bundle beside a good legacy signature", made: keylessEve, opt: pinned, beside: legacy, warn: unbound + " note:trust.key"},
		{name: "an unpinned bundle beside a good one, under --require-all", by: eve, beside: legacy, opt: all, want: "trust.key", warn: unbound},
	})
	modernThreats(t, "signature", []modern{
		{name: "broken bundle beside a good legacy signature", made: flipped, beside: legacy, warn: unbound + " note:signature.crypto note:rekor.signature"},
		{name: "broken bundle alone", made: flipped, want: "signature.crypto rekor.signature", warn: unbound},
		{name: "broken bundle beside a good one, under --require-all", made: flipped, beside: legacy, opt: all, want: "signature.crypto rekor.signature", warn: unbound},
		{name: "a bundle about another image beside a good legacy signature", beside: legacy, warn: unbound + " note:signature.claims", made: fixture.BundleStages{Claim: func(m *fixture.Making) {
			m.Payload = fixture.Statement(fixture.NewRegistry().RootOf("app:v2"), fixture.SignPredicate)
		}}},
	})
}

// Two signatures, each wrong in another thing, do not make up for each other.
func TestBundlesDoNotMix(t *testing.T) {
	unlogged := func(f *fixture.Forge) {
		sigstore().AttachForge(f, 0, fixture.BundleStages{Flavour: fixture.Flavour{Unlogged: true}})
	}
	modernThreats(t, "rekor", []modern{
		{name: "the publisher's without an entry, an unpinned one with one", by: unpinnedSigstore(t), beside: unlogged, want: "rekor.present trust.key"},
		{name: "publisher's without an entry, publisher's attestation with one", made: claims(predicateVuln), beside: unlogged, want: "rekor.present"},
	})
}
