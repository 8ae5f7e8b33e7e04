package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// TestHostileLayerType: every layer of an image is unpacked, whatever its media type:
// programs that unpack images may go by the content alone.
func TestHostileLayerType(t *testing.T) {
	one := archive(t, "one", 3000)
	for _, mediaType := range []string{"application/x-layer", "application/octet-stream", ""} {
		raw := imageOf(t, nil, packedLayer{mediaType, one, oci.FromBytes([]byte("wrong"))})
		opt := publisher().Options()
		opt.Deep = true
		rep := fixture.Verify(t, raw, opt)
		if got := strings.Join(fixture.Failed(rep), " "); got != "" {
			t.Errorf("%s: failed [%s]\n%s", mediaType, got, details(rep))
		}
		if !slices.Contains(fixture.Warned(rep), "config.diffid") || answered(rep, "config.diffid", check.Pass) {
			t.Errorf("%s: warned %v, and its diff_id is said to be compared: %v", mediaType, fixture.Warned(rep), answered(rep, "config.diffid", check.Pass))
		}
	}
}

// TestHostileNothingUnpacked: without a diff_id there is no pass for it.
func TestHostileNothingUnpacked(t *testing.T) {
	opt := publisher().Options()
	opt.Deep = true
	rep := fixture.Verify(t, imageOf(t, nil), opt)
	if answered(rep, "config.diffid", check.Pass) || !answered(rep, "config.diffid", check.Skip) {
		t.Error("no layer was unpacked, and config.diffid passed")
	}
}

func answered(rep *verify.Report, id string, s check.Status) bool {
	return slices.ContainsFunc(rep.Checks, func(c verify.Check) bool { return string(c.ID) == id && c.Status == s })
}
