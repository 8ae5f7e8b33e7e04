package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

type remembered struct {
	at   time.Time
	asks *[]string
}

func (remembered) HighWater(string, string) (uint64, string, int, error) { return 0, "", 0, nil }
func (r remembered) LatestTrustedTime(name string) (time.Time, int, error) {
	if r.asks != nil {
		*r.asks = append(*r.asks, name)
	}
	return r.at, 1, nil
}

func TestHostile2Bound(t *testing.T) {
	base := unsigned(t, "unsigned:v1")
	f := fixture.Open(base)
	d := f.Inventory.Images[0].Digest
	for _, pattern := range []string{"**", fixture.Host + "*", fixture.Host + "unsigned", fixture.Host + "unsigned:*", fixture.Host + "unsigned:v1"} {
		raw, opt := (&threat{}).build(t, base)
		opt.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: pattern, Demands: verify.Demands{Digests: []oci.Digest{d, oci.EmptyDigest}}}}}
		rep := fixture.Verify(t, raw, opt)
		t.Logf("%s (claims %s): bound %s, %s, failed %v", pattern, rep.Images[0].ClaimedReference, rep.Images[0].BoundBy, statusOf(rep, "policy.reference-unbound"), fixture.Failed(rep))
	}
}

func TestHostile2RollbackWithoutTime(t *testing.T) {
	base := unsigned(t, "unsigned:v1")
	raw, opt := (&threat{signed: []fixture.Stages{{NoLog: true}}}).build(t, base)
	opt.IgnoreTlog = true
	opt.Waivers = []string{"--insecure-ignore-tlog"}
	opt.Known = remembered{at: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
	opt.Policy = &verify.Policy{RefuseRollback: true, Rules: []verify.Rule{{Pattern: fixture.Host + "unsigned"}}}
	rep := fixture.Verify(t, raw, opt)
	t.Logf("%s: failed %v, warned %v, rollback %q", rep.Verdict, fixture.Failed(rep), fixture.Warned(rep), statusOf(rep, "policy.rollback"))
}

func TestHostile2PolicyAnchors(t *testing.T) {
	raw, opt := (&threat{}).build(t, unsigned(t, "unsigned:v1"))
	keys := opt.Keys
	opt.Keys = nil
	opt.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: verify.Demands{Keys: keys}}}}
	rep := fixture.Verify(t, raw, opt)
	var kinds []string
	for _, a := range rep.Anchors {
		kinds = append(kinds, a.Kind)
	}
	t.Logf("%s: signed by %s, anchors: %s", rep.Verdict, rep.Images[0].Signatures[0].Key, strings.Join(kinds, " "))
}

func TestHostile2HiddenPlatform(t *testing.T) {
	f := fixture.Open(unsigned(t, "multi:v1"))
	f.Unsign(0)
	root := f.Inventory.Images[0].Digest
	t.Logf("%s", f.Blobs[root])
	f.Edit(root, func(s string) string {
		n := strings.Replace(strings.Replace(s, `"architecture":"arm64"`, `"architecture":"unknown"`, 1), `"architecture": "arm64"`, `"architecture": "unknown"`, 1)
		i := strings.Index(n, "unknown")
		j := strings.Index(n[i:], "linux") // the os stands behind
		return n[:i+j] + "unknown" + n[i+j+5:]
	})
	f.Inventory.Images[0].Platforms = []string{"linux/amd64"}
	publisher().SignForge(f, 0)
	opt := publisher().Options()
	opt.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: verify.Demands{OnlyPlatforms: []oci.Platform{{OS: "linux", Architecture: "amd64"}}}}}}
	rep := fixture.Verify(t, f.Build(), opt)
	t.Logf("%s %v: platforms %v, failed %v, warned %v\n%s", rep.Verdict, rep.Images[0].ClaimedReference, rep.Images[0].Platforms, fixture.Failed(rep), fixture.Warned(rep), details(rep))
}
