package e2e

import (
	"slices"
	"testing"
)

// TestRequireInclusion demands an inclusion proof of a signature whose proof cosign
// did not store.
func TestRequireInclusion(t *testing.T) {
	image := pushGood(t, "no-proof", "cosign2")
	refuseBy(t, image, []string{"rekor.inclusion"}, append(keyAnchors(), "--require-inclusion")...)
}

// TestBothForms exports an image with signatures of both forms, either of which is
// enough.
func TestBothForms(t *testing.T) {
	image := pushAs(t, "both-forms", goodSignature("cosign2"), bundled(onRekor1))
	args := append(keyAnchors(), "-a", demanded)
	r := verifyBy(t, "verified", exportBy(t, image, args...), append(args, "--require-all")...)
	r.wantWarned(t, "policy.reference-unbound")
	var forms []string
	for _, s := range r.Images[0].Signatures {
		if !s.Counts {
			t.Errorf("%+v does not count", s)
		}
		forms = append(forms, s.Form)
	}
	slices.Sort(forms)
	if !slices.Equal(forms, []string{firstForm, bundleForm}) {
		t.Errorf("the forms are %q", forms)
	}
}

// TestIndexOfBundles signs an index and each platform with Sigstore bundles.
func TestIndexOfBundles(t *testing.T) {
	image, s := pushIndex(t, "index-of-bundles"), bundled(onRekor1)
	s.recursive = true
	sign(t, image, s)
	args := append(keyAnchors(), "-a", demanded)
	r := verifyBy(t, "verified", exportBy(t, image, args...), args...)
	r.wantWarned(t, "policy.reference-unbound")
	r.wantImages(t, []pushed{image})
	subjects := map[string]bool{}
	for _, s := range r.Images[0].Signatures {
		subjects[s.Subject] = s.Form == bundleForm
	}
	if len(subjects) != 3 || !subjects[image.digest.String()] {
		t.Errorf("want a bundle for the index and each of its two platforms: %+v", r.Images[0].Signatures)
	}
}
