package verify

import (
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// TestNothingIsVerifiedWithoutASignature: if no check failed at all, the verdict would
// still be a rejection.
func TestNothingIsVerifiedWithoutASignature(t *testing.T) {
	counts, unpinned := Signature{Counts: true}, Signature{}
	vouched := func(by check.VouchedBy, sig Signature) Image {
		return Image{VouchedBy: by, VouchedType: "t", Signatures: []Signature{unpinned, sig},
			Attestations: []Attestation{{Signature: sig, PredicateType: "t"}}}
	}
	for name, c := range map[string]struct {
		images []Image
		want   check.Verdict
	}{
		"no image":                {nil, check.Rejected},
		"image without any":       {[]Image{{}}, check.Rejected},
		"vouched for by none":     {[]Image{vouched(check.VouchedByNone, counts)}, check.Rejected},
		"none that counts":        {[]Image{vouched(check.VouchedBySignature, unpinned)}, check.Rejected},
		"no attestation counts":   {[]Image{vouched(check.VouchedByAttestation, unpinned)}, check.Rejected},
		"a sender without a seal": {[]Image{vouched(check.VouchedBySender, counts)}, check.Rejected},
		"one of two has none":     {[]Image{vouched(check.VouchedBySignature, counts), {}}, check.Rejected},
		"each image has its own":  {[]Image{vouched(check.VouchedBySignature, counts)}, check.Verified},
		"an attestation":          {[]Image{vouched(check.VouchedByAttestation, counts)}, check.Verified},
	} {
		s := newSession(Options{})
		s.rep.Images = c.images
		s.unproven()
		rep := s.finish()
		if rep.Verdict != c.want || c.want == check.Rejected && (len(rep.Failures) != 1 || rep.Failures[0].ID != check.Internal) {
			t.Errorf("%s: %s, failures %v", name, rep.Verdict, rep.Failures)
		}
	}
}

func TestUnprovenHidesNoCause(t *testing.T) {
	s := newSession(Options{})
	s.fault(bundleWide, check.Fault{ID: check.BlobDigest})
	s.unproven()
	if rep := s.finish(); len(rep.Failures) != 1 || rep.Failures[0].ID != check.BlobDigest {
		t.Errorf("failures %v", rep.Failures)
	}
}
