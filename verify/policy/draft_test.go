package policy_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/policy"
)

// TestDraft asserts that a draft is refused until it has been reviewed, and that
// it holds nothing that could vouch.
func TestDraft(t *testing.T) {
	draft := string(policy.Draft(contents(t, fixture.Bundle(t, "app:v1", "multi:v1"))))
	if _, err := policy.Parse([]byte(draft), key); err == nil || !strings.Contains(err.Error(), "draft") {
		t.Errorf("the draft is taken: %v", err)
	}
	if strings.Contains(draft, "sha256:") || strings.Contains(draft, "PUBLIC KEY") {
		t.Errorf("the draft holds an anchor from the bundle:\n%s", draft)
	}
	p, err := policy.Parse([]byte(strings.Replace(draft, "draft: true\n", "", 1)), key)
	if err != nil {
		t.Fatalf("%v\n%s", err, draft)
	}
	if len(p.Rules) != 2 || !p.Rules[0].Required || p.JudgeUnlisted {
		t.Errorf("%+v", p)
	}
	opt := trusted(t)
	opt.Policy = &p.Policy
	if got := strings.Join(fixture.Failed(fixture.Verify(t, fixture.Bundle(t, "app:v1", "multi:v1"), opt)),
		" "); got != "trust.unanchored" {
		t.Errorf("failed [%s]", got)
	}
}

// contents returns the metadata of a bundle.
func contents(t *testing.T, raw []byte) *bundle.Contents {
	t.Helper()
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r.Metadata()
}

// TestDraftSaysWhatVouches drafts a policy for an image with each kind of evidence. With
// the anchors filled in, the bundle verifies by it.
func TestDraftSaysWhatVouches(t *testing.T) {
	const provenance = "https://slsa.dev/provenance/v1"
	by := fixture.NewSigstore(t)
	attested := func(m *fixture.Making) { m.Payload = fixture.Statement(m.Image, provenance) }
	for name, c := range map[string]struct {
		forge func(*fixture.Forge)
		vouch string // in the draft; empty for none
		by    check.VouchedBy
	}{
		"a signature": {func(f *fixture.Forge) {
			by.AttachForge(f, 0, fixture.BundleStages{})
			by.AttachForge(f, 0, fixture.BundleStages{Claim: attested})
		}, "", check.VouchedBySignature},
		"an attestation": {func(f *fixture.Forge) {
			by.AttachForge(f, 0, fixture.BundleStages{Claim: attested})
		}, `vouch: [{attestation: "` + provenance + `"}]`, check.VouchedByAttestation},
		"an attestation of each platform": {func(f *fixture.Forge) {
			for _, p := range f.Platforms(0) {
				by.AttachTo(f, 0, p, fixture.BundleStages{Claim: attested})
			}
		}, `vouch: [{platformAttestation: "` + provenance + `"}]`, check.VouchedByPlatformAttestation},
		"an attestation manifest of each platform": {func(f *fixture.Forge) {
			for _, p := range f.Platforms(0) {
				m := fixture.AttestationManifest{Statement: fixture.Statement(p, provenance), Predicate: provenance}
				d := m.Add(f, p)
				f.AddEvidence(0, oci.KindInToto, d, p)
				by.AttachTo(f, 0, d, fixture.BundleStages{})
			}
		}, `vouch: [{platformAttestation: "` + provenance + `"}]`, check.VouchedByPlatformAttestation},
		"an attestation of one platform": {func(f *fixture.Forge) {
			by.AttachTo(f, 0, f.Platforms(0)[0], fixture.BundleStages{Claim: attested})
		}, "vouch: [sender]", ""},
		"nothing": {func(*fixture.Forge) {}, "vouch: [sender]", ""},
	} {
		t.Run(name, func(t *testing.T) {
			req := fixture.Request(t, "multi:v1")
			req.Keys = nil
			f := fixture.Open(fixture.Export(t, fixture.NewRegistry(), req))
			f.Inventory.Images[0].Evidence = nil
			c.forge(f)
			raw := f.Build()
			draft := string(policy.Draft(contents(t, raw)))
			if got := strings.Contains(draft, c.vouch) && (c.vouch != "" || !strings.Contains(draft, "vouch:")); !got {
				t.Fatalf("want %q in\n%s", c.vouch, draft)
			}
			if strings.Contains(draft, f.Inventory.Images[0].Digest.Hex()) {
				t.Errorf("the draft holds a digest of the bundle:\n%s", draft)
			}
			if sender := c.by == ""; strings.Contains(draft, "# seal:") != sender ||
				strings.Contains(draft, "# identities:") == sender {
				t.Errorf("the draft names the wrong anchors:\n%s", draft)
			}
			final := strings.NewReplacer("draft: true\n", "").Replace(draft)
			p, err := policy.Parse([]byte(final), key)
			if err != nil {
				t.Fatalf("%v\n%s", err, final)
			}
			if c.by == "" {
				return
			}
			opt := by.Options(by.TrustedRoot(nil), false)
			opt.Policy = &p.Policy
			rep := fixture.Verify(t, raw, opt)
			if failed := fixture.Failed(rep); len(failed) > 0 || rep.Images[0].VouchedBy != c.by {
				t.Errorf("failed %v, vouched for by %s", failed, rep.Images[0].VouchedBy)
			}
		})
	}
}
