package e2e

import (
	"slices"
	"testing"
)

const (
	provenanceType = "https://slsa.dev/provenance/v1"
	spdxType       = "https://spdx.dev/Document"
)

// TestAttestations demands attestations in each form in which cosign stores them.
func TestAttestations(t *testing.T) {
	for _, c := range []struct {
		name   string
		signed signature
		form   string
	}{
		{"att of cosign 2", goodSignature("cosign2"), "cosign-attestation"},
		{"att of cosign 3", goodSignature("cosign3"), "cosign-attestation"},
		{"bundle on Rekor v1", bundled(onRekor1), bundleForm},
		{"bundle on Rekor v2", bundled(onRekor2), bundleForm},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := pushAs(t, repoOf("attested "+c.name), c.signed)
			attest(t, image, c.signed, "slsaprovenance1", "spdxjson")
			args := append(keyAnchors(),
				"--require-attestation", "slsaprovenance1", "--require-attestation", "spdxjson=1")
			file := exportBy(t, image, args...)
			r := verifyBy(t, "verified", file, args...)
			r.wantWarned(t, "policy.reference-unbound")
			r.wantPassed(t, "policy.attestation")
			r.wantAttested(t, c.form, provenanceType, spdxType)

			for _, demand := range []string{"vuln", "spdxjson=2"} {
				more := append(slices.Clone(args), "--require-attestation", demand)
				verifyBy(t, "rejected", file, more...).wantFailed(t, "policy.attestation")
			}
		})
	}
}

// wantAttested requires one good attestation of each type, in that form.
func (r report) wantAttested(t *testing.T, form string, types ...string) {
	t.Helper()
	var got []string
	for _, a := range r.Images[0].Attestations {
		if !a.Counts || a.Form != form || a.Log == nil || a.TrustedTime == "" {
			t.Errorf("want a logged attestation of form %s that counts: %+v", form, a)
		}
		got = append(got, a.PredicateType)
	}
	slices.Sort(got)
	if !slices.Equal(got, types) {
		t.Errorf("attested is %q, want %q", got, types)
	}
}

// TestAttestationAlone attests an unsigned image. Cosign 3 accepts a Sigstore
// bundle with an attestation as a signature; gapseal does not.
func TestAttestationAlone(t *testing.T) {
	for _, c := range []struct {
		name   string
		signed signature
		cosign []string // further arguments with which cosign 3 verifies the same
		taken  bool     // cosign accepts it as a signature
	}{
		{"att of cosign 2", goodSignature("cosign2"), nil, false},
		{"bundle on Rekor v1", bundled(onRekor1), nil, true},
		{"bundle on Rekor v2", bundled(onRekor2), []string{"--use-signed-timestamps"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := pushOCI(t, repoOf("attested only "+c.name))
			attest(t, image, c.signed, "slsaprovenance1")
			done := ok(execute(cosignVerifyBy(t, image, append(keyAnchors(), c.cosign...))))(t)
			if accepted := done.code == 0; accepted != c.taken {
				t.Errorf("cosign accepts it as signed: %t, want %t\n%s", accepted, c.taken, done)
			}
			args := append(keyAnchors(), "--require-attestation", "slsaprovenance1")
			r := refuseBy(t, image, []string{"signature.present"}, args...)
			r.wantPassed(t, "policy.attestation")
			if s := r.Images[0].Signatures; len(s) != 0 {
				t.Errorf("gapseal accepts it as a signature: %+v", s)
			}
		})
	}
}

// TestUntrustedAttestation attests a well-signed image with an untrusted key.
func TestUntrustedAttestation(t *testing.T) {
	untrusted := bundled(onRekor1)
	untrusted.key = stack.untrusted
	image := pushAs(t, "untrusted-attestation", bundled(onRekor1))
	attest(t, image, untrusted, "slsaprovenance1")
	r := verifyBy(t, "verified", exportBy(t, image, keyAnchors()...), keyAnchors()...)
	r.wantWarned(t, "policy.reference-unbound")
	r.wantNoted(t, "trust.key")
	args := append(keyAnchors(), "--require-attestation", "slsaprovenance1")
	refuseBy(t, image, []string{"policy.attestation"}, args...)
}
