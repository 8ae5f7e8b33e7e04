package e2e

import "testing"

// TestChildSignatures demands a signature for each platform, not only for the index
// that names their digests.
func TestChildSignatures(t *testing.T) {
	args := append(keyAnchors(), "--require-child-signatures")
	for _, s := range []signature{goodSignature("cosign2"), bundled(onRekor1), bundled(onRekor2)} {
		t.Run(s.version+s.services, func(t *testing.T) {
			alone := pushIndex(t, "index-alone-"+s.version+s.services)
			sign(t, alone, s)
			verifyBy(t, "verified", exportBy(t, alone, keyAnchors()...), keyAnchors()...)
			refuseBy(t, alone, []string{"policy.child-signature"}, args...)

			s.recursive = true
			sign(t, alone, s)
			r := verifyBy(t, "verified", exportBy(t, alone, args...), args...)
			r.wantWarned(t, "policy.reference-unbound")
			r.wantPassed(t, "policy.child-signature")
		})
	}
}

// TestThresholds demands several logs, and timestamps.
func TestThresholds(t *testing.T) {
	for _, c := range []struct {
		name   string
		signed signature
		demand []string
		failed []string // none if it must pass
	}{
		{"two logs of two", bundled(onBoth), []string{"--require-logs", "2"}, nil},
		{"two logs of one, Rekor v2", bundled(onRekor2), []string{"--require-logs", "2"}, []string{"rekor.threshold"}},
		{"two logs of one, Rekor v1", bundled(onRekor1), []string{"--require-logs", "2"}, []string{"rekor.threshold"}},
		{
			"two logs of one, first form", goodSignature("cosign2"),
			[]string{"--require-logs", "2"}, []string{"rekor.threshold"},
		},
		{"a timestamp, Rekor v2", bundled(onRekor2), []string{"--require-timestamps", "1"}, nil},
		{"a timestamp, keyless", byDeveloper(t, certified1), []string{"--require-timestamps", "1"}, nil},
		{"two timestamps of one", bundled(onRekor2), []string{"--require-timestamps", "2"}, []string{"tsa.threshold"}},
		{"a timestamp of none", bundled(onRekor1), []string{"--require-timestamps", "1"}, []string{"tsa.threshold"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			anchors := keyAnchors()
			if c.signed.token != "" {
				anchors = developerAnchors()
			}
			image, args := pushAs(t, repoOf("threshold "+c.name), c.signed), append(anchors, c.demand...)
			if c.failed != nil {
				verifyBy(t, "verified", exportBy(t, image, anchors...), anchors...)
				refuseBy(t, image, c.failed, args...)
				return
			}
			verifyBy(t, "verified", exportBy(t, image, args...), args...).wantWarned(t, "policy.reference-unbound")
		})
	}
}
