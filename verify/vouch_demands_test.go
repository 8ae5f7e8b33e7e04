package verify_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

// TestDemandsOnASignatureAreNotIgnored demands of an image for which the sender
// may vouch what only a signature can meet.
func TestDemandsOnASignatureAreNotIgnored(t *testing.T) {
	pinned := func(r *verify.Rule) {
		way(check.VouchedBySender, "")(r)
		r.Keys = nil
		r.Digests = []oci.Digest{fixture.Open(strippedImages["multi:v1"]()).Inventory.Images[0].Digest}
	}
	sealed := func(f *fixture.Forge) { f.Seal = sealer().Seal }
	set := func(c func(*verify.Options)) func(*verify.Options) {
		return func(o *verify.Options) { o.SealKeys = sealer().Keys(); c(o) }
	}
	for name, demand := range map[string]func(*verify.Options){
		"max age":                   func(o *verify.Options) { o.MaxAge = time.Second },
		"two logs":                  func(o *verify.Options) { o.RequireLogs = 2 },
		"a timestamp":               func(o *verify.Options) { o.RequireTimestamps = 1 },
		"annotations":               func(o *verify.Options) { o.Annotations = map[string]string{"a": "b"} },
		"a signature each platform": func(o *verify.Options) { o.RequireChildren = true },
		"an inclusion proof":        func(o *verify.Options) { o.RequireInclusion = true },
	} {
		vouchCases(t, []vouchCase{{name: name, forge: sealed, rule: pinned, want: "policy.sender", opt: set(demand)}})
	}
}

// TestAnnotationsWhereAnAttestationVouches demands annotations, which an attestation
// does not have: the report must say that they were not asked for.
func TestAnnotationsWhereAnAttestationVouches(t *testing.T) {
	attested := withAttestation(predicateSLSA, fixture.BundleStages{})
	platforms := func(f *fixture.Forge) {
		for _, p := range f.Platforms(0) {
			sigstore().AttachTo(f, 0, p, claims(predicateSLSA))
		}
	}
	for name, c := range map[string]struct {
		forge func(*fixture.Forge)
		by    check.VouchedBy
		noted bool
	}{
		"an attestation":              {attested, check.VouchedByAttestation, true},
		"an attestation per platform": {platforms, check.VouchedByPlatformAttestation, true},
		"a signature": {func(f *fixture.Forge) {
			attested(f)
			sigstore().AttachForge(f, 0, fixture.BundleStages{Claim: func(m *fixture.Making) {
				m.Payload = bytes.Replace(m.Payload, []byte(`"digest":`), []byte(`"annotations":{"a":"b"},"digest":`), 1)
			}})
		}, check.VouchedBySignature, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := fixture.Open(strippedImages["multi:v1"]())
			c.forge(f)
			opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
			opt.Annotations = map[string]string{"a": "b"}
			opt.Vouch = []verify.Vouch{
				{By: check.VouchedBySignature}, {By: c.by, Name: "slsaprovenance1", PredicateType: predicateSLSA},
			}
			rep := fixture.Verify(t, f.Build(), opt)
			failedAs(t, rep, "")
			if by := rep.Images[0].VouchedBy; by != c.by {
				t.Errorf("vouched for by %s, want %s", by, c.by)
			}
			noted := slices.ContainsFunc(rep.Checks, func(k verify.Check) bool {
				return k.ID == check.PolicyAnnotations && k.Status == check.Skip && string(k.Expected) == "a=b" &&
					string(k.Subject) == rep.Images[0].Digest
			})
			var text bytes.Buffer
			if err := report.Text(&text, rep); err != nil {
				t.Fatal(err)
			}
			said := strings.Contains(text.String(), "NOT CHECKED: "+rep.Images[0].Digest[:19])
			if noted != c.noted || said != c.noted {
				t.Errorf("noted %v, said %v, want %v\n%s", noted, said, c.noted, text.String())
			}
		})
	}
}

// TestRequireAllOfAttestations demands that everything which may vouch is good, where
// attestations may.
func TestRequireAllOfAttestations(t *testing.T) {
	good := withAttestation(predicateSLSA, fixture.BundleStages{})
	flipped := fixture.BundleStages{Signature: func(m *fixture.Making) { m.Signature[9] ^= 1 }}
	broken := withAttestation(predicateSLSA, flipped)
	other := flipped
	other.Claim = claims(predicateVuln).Claim
	all := func(by check.VouchedBy) func(*verify.Rule) {
		return withBoth(way(by, predicateSLSA), func(r *verify.Rule) { r.RequireAll = true })
	}
	both := func(one, other func(*fixture.Forge)) func(*fixture.Forge) {
		return func(f *fixture.Forge) { one(f); other(f) }
	}
	brokenManifests := func(f *fixture.Forge) {
		for _, ev := range slices.Clone(f.Inventory.Images[0].Evidence) {
			if ev.Kind == oci.KindInToto {
				sigstore().AttachTo(f, 0, ev.Digest, flipped)
			}
		}
	}
	const one, each = check.VouchedByAttestation, check.VouchedByPlatformAttestation
	vouchCases(t, []vouchCase{
		{name: "a broken one beside a good one", forge: both(good, broken), rule: way(one, predicateSLSA), by: one},
		{name: "the same, all demanded", forge: both(good, broken), rule: all(one), want: "signature.crypto"},
		{name: "a broken one of another type", forge: both(good, func(f *fixture.Forge) { sigstore().AttachForge(f, 0, other) }),
			rule: all(one), by: one},
		{name: "platforms", forge: buildkit(nil, fixture.BundleStages{}), rule: all(each), by: each},
		{name: "platforms, broken ones beside", forge: both(buildkit(nil, fixture.BundleStages{}), brokenManifests),
			rule: way(each, predicateSLSA), by: each},
		{name: "the same, all demanded", forge: both(buildkit(nil, fixture.BundleStages{}), brokenManifests),
			rule: all(each), want: "signature.crypto"},
		{name: "referrers, broken ones beside, all demanded", rule: all(each), want: "signature.crypto",
			forge: both(hardened(nil, fixture.Host+"multi", fixture.Stages{}), brokenManifests)},
	})
}

// TestOneManifestForTwoPlatforms names a manifest for a second platform, which is
// not allowed.
func TestOneManifestForTwoPlatforms(t *testing.T) {
	vouchCases(t, []vouchCase{{
		name: "the second platform", want: "policy.platform", forge: secondPlatform,
		rule: func(r *verify.Rule) {
			r.OnlyPlatforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}}
		},
	}})
}

func secondPlatform(f *fixture.Forge) {
	f.Edit(f.Inventory.Images[0].Digest, func(raw string) string {
		var index map[string]any
		_ = json.Unmarshal([]byte(raw), &index)
		list := index["manifests"].([]any)
		child := maps.Clone(list[0].(map[string]any))
		child["platform"] = map[string]any{"os": "windows", "architecture": "amd64"}
		index["manifests"] = append(list, child)
		edited, _ := json.Marshal(index)
		return string(edited)
	})
	f.Inventory.Images[0].Platforms = append(f.Inventory.Images[0].Platforms, "windows/amd64")
	sigstore().AttachForge(f, 0, fixture.BundleStages{})
}
