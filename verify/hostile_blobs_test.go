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

// statesOf counts the blobs of a report by the state it gives them.
func statesOf(rep *verify.Report) map[check.State]int {
	states := map[check.State]int{}
	for _, b := range rep.Blobs {
		states[b.State]++
	}
	return states
}

// TestHostileManyDamaged: what was found damaged is not reported as intact, however
// many blobs are.
func TestHostileManyDamaged(t *testing.T) {
	const most = 130
	var list []packedLayer
	for i := range most {
		raw := archive(t, strings.Repeat("x", i%60)+"layer", 100+512*i)
		list = append(list, packedLayer{plainLayer, raw, oci.FromBytes(raw)})
	}
	files := fixture.Files(imageOf(t, nil, list...))
	for i := len(files) - most; i < len(files); i++ {
		files[i].Data = slices.Clone(files[i].Data)
		files[i].Data[0] ^= 1
	}
	rep := fixture.Verify(t, fixture.Pack(files), publisher().Options())
	if got := strings.Join(fixture.Failed(rep), " "); got != "blob.digest" {
		t.Errorf("failed [%s], want [blob.digest]", got)
	}
	if got := statesOf(rep)["damaged"]; got != most {
		t.Errorf("%d blobs are damaged, the report says %v", most, statesOf(rep))
	}
}

// TestHostileTruncatedState: a blob inside which the file ends is not intact.
func TestHostileTruncatedState(t *testing.T) {
	raw := imageOf(t, nil, packedLayer{plainLayer, archive(t, "one", 3000), oci.FromBytes(archive(t, "one", 3000))})
	raw = raw[:len(raw)-1024-1024]
	for how, rep := range map[string]*verify.Report{"file": fixture.Verify(t, raw, publisher().Options()), "pipe": fixture.VerifyStream(t, raw, publisher().Options())} {
		if got := strings.Join(fixture.Failed(rep), " "); got != "container.truncated" {
			t.Errorf("%s: failed [%s], want [container.truncated]", how, got)
		}
		last := rep.Blobs[slices.IndexFunc(rep.Blobs, func(b verify.Blob) bool { return slices.Contains(b.Roles, "layer") })]
		if last.State == "intact" {
			t.Errorf("%s: the layer that was cut off is reported as %s", how, last.State)
		}
	}
}

// TestHostileUnreadState: a document over its budget was not read.
func TestHostileUnreadState(t *testing.T) {
	rep := fixture.Verify(t, soloBundle(t), publisher().Options(), oci.Limits{Config: 64})
	if got := strings.Join(fixture.Failed(rep), " "); !strings.HasPrefix(got, "limit.config") {
		t.Errorf("failed [%s], want [limit.config] first", got)
	}
	for _, b := range rep.Blobs {
		if slices.Contains(b.Roles, "config") && b.Size > 64 && b.State == "intact" {
			t.Errorf("a config over its budget is reported as %s", b.State)
		}
	}
}
