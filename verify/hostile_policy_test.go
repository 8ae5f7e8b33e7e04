package verify_test

import (
	"bytes"
	"crypto/elliptic"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
)

func failedAs(t *testing.T, rep *verify.Report, want string) {
	t.Helper()
	if got := strings.Join(fixture.Failed(rep), " "); got != want {
		t.Errorf("failed [%s], want [%s]; warned %v\n%s", got, want, fixture.Warned(rep), details(rep))
	}
}

// A platform that the index calls unknown is still a platform.
func TestPlatformCalledUnknown(t *testing.T) {
	f := fixture.Open(unsigned(t, "multi:v1"))
	f.Unsign(0)
	f.Edit(f.Inventory.Images[0].Digest, func(s string) string {
		return strings.Replace(s, `"architecture":"arm64","os":"linux","variant":"v8"`, `"architecture":"unknown","os":"unknown"`, 1)
	})
	f.Inventory.Images[0].Platforms = []string{"linux/amd64"}
	publisher().SignForge(f, 0)
	opt := publisher().Options()
	opt.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: verify.Demands{OnlyPlatforms: []oci.Platform{{OS: "linux", Architecture: "amd64"}}}}}}
	failedAs(t, fixture.Verify(t, f.Build(), opt), "policy.platform")
}

// known is what a register has recorded.
type known struct {
	serial uint64
	builds []verify.Build
}

func (k *known) HighWater(string, string) (uint64, string, int, error) {
	return k.serial, "sha256:newer", min(int(k.serial), 1), nil
}
func (k *known) Builds(string) ([]verify.Build, error) { return k.builds, nil }

func refusing(pattern string) *verify.Policy {
	return &verify.Policy{RefuseRollback: true, Rules: []verify.Rule{{Pattern: pattern}}}
}

// Without its log entry a signature has no time to compare, which is not a pass.
func TestRollbackWithoutATime(t *testing.T) {
	raw, opt := (&threat{signed: []fixture.Stages{{NoLog: true}}}).build(t, unsigned(t, "unsigned:v1"))
	opt.IgnoreTlog = true
	opt.Known, opt.Policy = &known{builds: []verify.Build{{Digest: "sha256:other", Time: fixture.SignedAt, Entry: 1}}}, refusing(fixture.Host+"unsigned:v1")
	failedAs(t, fixture.Verify(t, raw, opt), "policy.rollback")
}

func TestRefuseRollbackWithoutARegister(t *testing.T) {
	raw, opt := (&threat{forge: sealing(sealer()), opt: sealedUnder(sealer().Public())}).build(t, unsigned(t, "unsigned:v1"))
	opt.Policy = refusing("**")
	failedAs(t, fixture.Verify(t, raw, opt), "policy.rollback")
}

// The register is asked at the end of a long read, not at its beginning.
func TestMarkRaisedWhileReading(t *testing.T) {
	raw, opt := (&threat{forge: sealing(sealer()), opt: sealedUnder(sealer().Public())}).build(t, unsigned(t, "unsigned:v1"))
	marks := &known{}
	opt.Known, opt.Policy = marks, refusing("**")
	opt.OnMetadata = func(verify.Report) { marks.serial = 8 }
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rep, _ := verify.Bundle(t.Context(), r, opt)
	failedAs(t, rep, "policy.rollback")
}

// The report names every anchor, including those of the policy.
func TestAnchorsOfAPolicy(t *testing.T) {
	raw, opt := (&threat{}).build(t, unsigned(t, "unsigned:v1"))
	opt.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: verify.Demands{Keys: opt.Keys}}}}
	opt.Keys = nil
	rep := fixture.Verify(t, raw, opt)
	failedAs(t, rep, "")
	by := string(rep.Images[0].Signatures[0].Key)
	if !slices.ContainsFunc(rep.Anchors, func(a verify.Anchor) bool { return a.Kind == "key" && string(a.Fingerprint) == by }) {
		t.Errorf("signed by %s, which is no anchor: %+v", by, rep.Anchors)
	}
}

// One workflow on two branches, with one key, is one signer.
func TestOneWorkflowIsOneSigner(t *testing.T) {
	f, key := fixture.Open(bare()), ecdsaKey(elliptic.P256())
	for _, ref := range []string{"heads/main", "tags/v1"} {
		san, err := url.Parse("https://github.com/acme/app/.github/workflows/release.yml@refs/" + ref)
		if err != nil {
			t.Fatal(err)
		}
		sigstore().AttachForge(f, 0, fixture.BundleStages{Flavour: keyless, Leaf: func(m *fixture.Making) {
			m.Key, m.Leaf.EmailAddresses, m.Leaf.URIs = key, nil, []*url.URL{san}
		}})
	}
	opt := sigstore().Options(sigstore().TrustedRoot(nil), true)
	opt.Identities = nil
	opt.Policy = &verify.Policy{Rules: []verify.Rule{{Pattern: "**", Demands: verify.Demands{Signers: 2,
		Identities: []*cert.Policy{{SANRegexp: "^https://github.com/acme/.*$", Issuer: fixture.IssuerName}}}}}}
	failedAs(t, fixture.Verify(t, f.Build(), opt), "policy.signers")
}
