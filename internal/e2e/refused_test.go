package e2e

import (
	"slices"
	"testing"
)

// TestRefusedBundles exports and verifies images whose Sigstore bundles have a defect.
func TestRefusedBundles(t *testing.T) {
	wrongKey := bundled(onRekor1)
	wrongKey.key = stack.untrusted
	otherwise := bundled(onRekor1)
	otherwise.annotation = "repo=evil/app"
	for _, c := range []struct {
		name   string
		signed signature
		args   []string
		failed []string
	}{
		{"in no log", bundled(noService), keyAnchors(), []string{"rekor.present"}},
		{"stamped, in no log", bundled(onlyStamp), keyAnchors(), []string{"rekor.present"}},
		{"wrong key", wrongKey, keyAnchors(), []string{"trust.key"}},
		{"otherwise annotated", otherwise, append(keyAnchors(), "-a", demanded), []string{"policy.annotations"}},
		{"keyless, not by the key", byDeveloper(t, certified1), keyAnchors(), []string{"trust.key"}},
		{
			"another identity", byDeveloper(t, certified1),
			identityAnchors("somebody.else@e2e.test", stack.issuer.url), []string{"cert.identity"},
		},
		{
			"another issuer", byDeveloper(t, certified2),
			identityAnchors(developer, stack.issuer.workflowURL()), []string{"cert.identity"},
		},
		{
			"another identity, first form", byDeveloper(t, ""),
			identityAnchors("somebody.else@e2e.test", stack.issuer.url), []string{"cert.identity"},
		},
		{
			"a part of the identity", byDeveloper(t, certified1),
			[]string{
				"--certificate-identity-regexp", "dev@e2e", "--certificate-oidc-issuer", stack.issuer.url,
				"--trusted-root", stack.fullRoot,
			},
			[]string{"cert.identity"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			image := pushAs(t, repoOf("refused "+c.name), c.signed)
			r := refuseBy(t, image, c.failed, c.args...)
			r.wantWarned(t, "policy.export-waiver", "policy.reference-unbound")
			for _, s := range r.Images[0].Signatures {
				if s.Counts {
					t.Errorf("%+v counts", s)
				}
			}
		})
	}
}

// TestWaivedLogOfBundle waives the log for a Sigstore bundle that has only a
// timestamp.
func TestWaivedLogOfBundle(t *testing.T) {
	image := pushAs(t, "waived-stamped", bundled(onlyStamp))
	args := append(keyAnchors(), "--insecure-ignore-tlog")
	r := verifyBy(t, "verified", exportBy(t, image, args...), args...)
	r.wantWarned(t, "rekor.present", "policy.waiver", "policy.reference-unbound")
	r.wantPassed(t, "tsa.timestamp")
	if s := r.Images[0].Signatures; len(s) != 1 || s[0].TimeSource != "tsa" || s[0].Log != nil {
		t.Errorf("want one signature, its time by the timestamp authority: %+v", s)
	}
}

// TestUntrustedBundleBeside adds a Sigstore bundle by an untrusted key to an image with
// a good signature of the first generation. Cosign considers only the Sigstore bundle,
// and refuses the image.
func TestUntrustedBundleBeside(t *testing.T) {
	untrusted := bundled(onRekor1)
	untrusted.key = stack.untrusted
	image := pushAs(t, "untrusted-bundle", goodSignature("cosign2"), untrusted)
	if done := ok(execute(cosignVerifyBy(t, image, keyAnchors())))(t); done.code == 0 {
		t.Errorf("cosign accepts it\n%s", done)
	}
	args := append(keyAnchors(), "-a", demanded)
	file := exportBy(t, image, args...)
	r := verifyBy(t, "verified", file, args...)
	r.wantWarned(t, "policy.reference-unbound")
	r.wantNoted(t, "trust.key")
	counting := map[string]bool{}
	for _, s := range r.Images[0].Signatures {
		counting[s.Form] = s.Counts
	}
	if len(counting) != 2 || !counting[firstForm] || counting[bundleForm] {
		t.Errorf("want the good signature alone to count: %+v", r.Images[0].Signatures)
	}
	verifyBy(t, "rejected", file, append(args, "--require-all")...).wantFailed(t, "trust.key")
}

// TestBuiltInRoot demands an identity without a trusted root. The built-in one knows
// none of the lab's services, and a log key does not make an authority known.
func TestBuiltInRoot(t *testing.T) {
	file := exportBy(t, pushAs(t, "built-in-root", byDeveloper(t, certified1)), developerAnchors()...)
	demand := []string{"--certificate-identity", developer, "--certificate-oidc-issuer", stack.issuer.url}
	verifyBy(t, "rejected", file, demand...).wantFailed(t, "trust.log", "cert.chain")
	log := append(slices.Clone(demand), "--rekor-key", stack.rekorPub)
	verifyBy(t, "rejected", file, log...).wantFailed(t, "cert.chain")
}
