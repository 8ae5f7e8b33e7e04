package verify

import (
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// TestNothingIsVerifiedWithoutASignature: if no check failed at all, the verdict would
// still be a rejection.
func TestNothingIsVerifiedWithoutASignature(t *testing.T) {
	counts, unpinned := Signature{Counts: true}, Signature{}
	for name, c := range map[string]struct {
		images []Image
		want   check.Verdict
	}{
		"no image":               {nil, check.Rejected},
		"image without any":      {[]Image{{}}, check.Rejected},
		"none that counts":       {[]Image{{Signatures: []Signature{unpinned}}}, check.Rejected},
		"one of two has none":    {[]Image{{Signatures: []Signature{counts}}, {}}, check.Rejected},
		"each image has its own": {[]Image{{Signatures: []Signature{unpinned, counts}}}, check.Verified},
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
