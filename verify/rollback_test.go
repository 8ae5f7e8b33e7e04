package verify_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

// A build that was verified before a newer one is old, whatever time its signature
// now bears; the newest build is not, although its signature may be older.
func TestRollbackByDigest(t *testing.T) {
	f := fixture.Open(unsigned(t, "unsigned:v1"))
	publisher().SignForge(f, 0)
	own, at := string(f.Inventory.Images[0].Digest), fixture.SignedAt
	before, after := at.Add(-time.Hour), at.Add(time.Hour)
	for name, c := range map[string]struct {
		builds []verify.Build
		want   string
	}{
		"nothing is known":       {nil, ""},
		"an older build":         {[]verify.Build{{Digest: "sha256:x", Time: before, Entry: 1}}, ""},
		"a newer build":          {[]verify.Build{{Digest: "sha256:x", Time: after, Entry: 1}}, "policy.rollback"},
		"logged again":           {[]verify.Build{{Digest: own, Time: before, Entry: 1}, {Digest: "sha256:x", Time: before.Add(time.Minute), Entry: 2}}, "policy.rollback"},
		"the newest, seen again": {[]verify.Build{{Digest: "sha256:x", Time: before, Entry: 1}, {Digest: own, Time: after, Entry: 2}}, ""},
		"the newest was logged again, and is seen as it was": {[]verify.Build{{Digest: own, Time: after, Entry: 1}}, ""},
	} {
		opt := publisher().Options()
		opt.Known, opt.Policy = &known{builds: c.builds}, refusing(fixture.Host+"unsigned:v1")
		if got := strings.Join(fixture.Failed(fixture.Verify(t, f.Build(), opt)), " "); got != c.want {
			t.Errorf("%s: failed [%s], want [%s]", name, got, c.want)
		}
	}
}

// Builds without a log entry are compared by when they were first verified.
func TestRollbackByOrder(t *testing.T) {
	f := fixture.Open(unsigned(t, "unsigned:v1"))
	publisher().SignForge(f, 0, fixture.Stages{NoLog: true})
	own := string(f.Inventory.Images[0].Digest)
	for name, c := range map[string]struct {
		builds []verify.Build
		want   string
	}{
		"seen before another": {[]verify.Build{{Digest: own, Entry: 1}, {Digest: "sha256:x", Entry: 2}}, "policy.rollback"},
		"seen after another":  {[]verify.Build{{Digest: "sha256:x", Entry: 1}, {Digest: own, Entry: 2}}, ""},
		"never seen":          {[]verify.Build{{Digest: "sha256:x", Entry: 1}}, ""},
	} {
		opt := publisher().Options()
		opt.Known, opt.Policy = &known{builds: c.builds}, refusing(fixture.Host+"unsigned:v1")
		opt.Policy.Rules[0].LogOptional = true
		if got := strings.Join(fixture.Failed(fixture.Verify(t, f.Build(), opt)), " "); got != c.want {
			t.Errorf("%s: failed [%s], want [%s]", name, got, c.want)
		}
	}
}

// A seal of a stream that the register does not know is reported where older bundles
// are refused, unless the stream is demanded.
func TestStreamSeenForTheFirstTime(t *testing.T) {
	raw, opt := (&threat{forge: sealing(sealer()), opt: sealedUnder(sealer().Public())}).build(t, unsigned(t, "unsigned:v1"))
	opt.Known, opt.Policy = &known{}, refusing("**")
	answers(t, raw, opt, "", "", "policy.rollback")
	opt.SealStream = "acme"
	rep := fixture.Verify(t, raw, opt)
	failedAs(t, rep, "")
	if warned := fixture.Warned(rep); len(warned) > 0 {
		t.Errorf("the stream is demanded: warned %v", warned)
	}
	opt.SealStream = "plant"
	failedAs(t, fixture.Verify(t, raw, opt), "policy.seal")
}

// An old build does not pass because a newer one has the same name in the bundle.
func TestRollbackBesideTheNewBuild(t *testing.T) {
	by := fixture.NewSigner(t)
	for name, c := range map[string]struct {
		images []string
		want   string
	}{
		"both":         {[]string{"app:v1", "app:v2"}, "policy.rollback"},
		"the old one":  {[]string{"app:v1"}, "policy.rollback"},
		"the new one":  {[]string{"app:v2"}, ""},
		"another name": {[]string{"multi:v1"}, ""},
	} {
		f := fixture.Open(fixture.Bundle(t, c.images...))
		f.Inventory.Keys = []bundle.Key{}
		for i := range f.Inventory.Images {
			img := &f.Inventory.Images[i]
			if img.Reference == fixture.Host+"app:v2" {
				img.Reference = fixture.Host + "app:v1@" + string(img.Digest)
			}
			by.SignForge(f, i)
		}
		opt := by.Options()
		rule := verify.Rule{Pattern: fixture.Host + "app:v1"}
		rule.Keys = opt.Keys
		rest := verify.Rule{Pattern: fixture.Host + "*"}
		rest.Keys, opt.Keys = opt.Keys, nil
		opt.Policy = &verify.Policy{Rules: []verify.Rule{rule, rest}, RefuseRollback: true}
		opt.Known = knownBuilds{
			{Digest: digestOf(t, "app:v1"), Time: fixture.SignedAt.Add(-48 * time.Hour), Entry: 1},
			{Digest: digestOf(t, "app:v2"), Time: fixture.SignedAt.Add(-time.Hour), Entry: 2},
		}
		t.Run(name, func(t *testing.T) { failsExactly(t, f.Build(), opt, c.want) })
	}
}

// knownBuilds is what a register knows of one image.
type knownBuilds []verify.Build

func (knownBuilds) HighWater(string, string) (uint64, string, int, error) { return 0, "", 0, nil }
func (k knownBuilds) Builds(string) ([]verify.Build, error)               { return k, nil }

// digestOf returns the digest of an image of testdata.
func digestOf(t *testing.T, image string) string {
	t.Helper()
	return string(fixture.Open(fixture.Bundle(t, image)).Inventory.Images[0].Digest)
}
