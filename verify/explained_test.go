package verify_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/lock"
	"github.com/gapseal/gapseal/verify/report"
)

// accepting demands that attestations of a type suffice beside signatures, as a flag
// does.
func accepting(predicateType string) func(*verify.Options) {
	return func(o *verify.Options) {
		o.Policy.Rules[0].Vouch = nil
		o.Vouch = []verify.Vouch{{By: check.VouchedByAttestation, Name: predicateType, PredicateType: predicateType}}
	}
}

// The first failure is about what came with the image, not about what did not.
func TestFirstCauseIsAboutWhatIsThere(t *testing.T) {
	flipped := fixture.BundleStages{Signature: func(m *fixture.Making) { m.Signature[9] ^= 1 }}
	vouchCases(t, []vouchCase{
		{name: "a bad attestation, and no signature", opt: accepting(predicateSLSA),
			forge: withAttestation(predicateSLSA, flipped), want: "signature.crypto policy.attestation"},
		{name: "neither", opt: accepting(predicateSLSA), want: "signature.present policy.attestation"},
		{name: "an attestation of another type", opt: accepting(predicateSLSA),
			forge: withAttestation(predicateVuln, fixture.BundleStages{}), want: "signature.present policy.attestation"},
	})
}

func TestAttestationOfAnotherTypeIsNamed(t *testing.T) {
	f := fixture.Open(strippedImages["multi:v1"]())
	withAttestation(predicateVuln, fixture.BundleStages{})(f)
	opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
	opt.Vouch = []verify.Vouch{{By: check.VouchedByAttestation, Name: predicateSLSA, PredicateType: predicateSLSA}}
	rep := fixture.Verify(t, f.Build(), opt)
	for _, c := range rep.Failures {
		if !strings.Contains(string(c.Found), predicateVuln) {
			t.Errorf("%s does not name the type that is there: found %q", c.ID, c.Found)
		}
	}
}

// A policy without a rule for the image explains more than the signature, which
// cannot be asked for then.
func TestUnlistedImageIsTheFirstCause(t *testing.T) {
	vouchCases(t, []vouchCase{{name: "no rule", want: "policy.unlisted-image signature.present",
		opt: func(o *verify.Options) { o.Policy.Rules[0].Pattern = "other.example/**" }}})
}

func TestPlatformsLeftOutOnPurposeAreNoWarning(t *testing.T) {
	req := fixture.Request(t, "multi:v1")
	req.Platforms = []oci.Platform{{OS: "linux", Architecture: "amd64"}}
	raw := fixture.Export(t, fixture.NewRegistry(), req)
	only := []verify.Rule{{Pattern: fixture.Host + "*", Demands: verify.Demands{OnlyPlatforms: req.Platforms}}}
	for name, c := range map[string]struct {
		demand func(*verify.Options, *lock.Lock)
		want   bool
	}{
		"nothing said": {func(*verify.Options, *lock.Lock) {}, true},
		"demanded":     {func(o *verify.Options, _ *lock.Lock) { o.Platforms = req.Platforms }, true},
		"the only ones allowed": {func(o *verify.Options, _ *lock.Lock) {
			o.Policy = &verify.Policy{Rules: only}
			o.Policy.Rules[0].Keys = o.Keys
		}, false},
		"in the lock": {func(o *verify.Options, l *lock.Lock) { o.Lock = l }, false},
	} {
		l, err := lock.New(&fixture.Open(raw).Inventory)
		if err != nil {
			t.Fatal(err)
		}
		opt := fixture.Options()
		c.demand(&opt, l)
		rep := fixture.Verify(t, raw, opt)
		if got := slices.Contains(fixture.Warned(rep), "manifest.narrowed"); got != c.want || rep.Verdict != check.Verified {
			t.Errorf("%s: %s, warned %v", name, rep.Verdict, fixture.Warned(rep))
		}
	}
}

// A lock with another digest of the same name is one failure.
func TestStaleLock(t *testing.T) {
	f := fixture.Open(twoUnsigned(t))
	for i := range f.Inventory.Images {
		publisher().SignForge(f, i)
	}
	l, err := lock.New(&f.Inventory)
	if err != nil {
		t.Fatal(err)
	}
	was := l.Images[0].Digest
	l.Images[0].Digest = oci.EmptyDigest
	opt := publisher().Options()
	opt.Lock = l
	rep := fixture.Verify(t, f.Build(), opt)
	if len(rep.Failures) != 1 || string(rep.Failures[0].Expected) != string(oci.EmptyDigest) ||
		string(rep.Failures[0].Found) != string(was) {
		t.Errorf("failures: %+v", rep.Failures)
	}
}

// What a signature of somebody else's passed is not said of the one that vouches.
func TestTextSpeaksOfWhatVouches(t *testing.T) {
	f := fixture.Open(strippedImages["multi:v1"]())
	other := &fixture.Signer{Key: unpinnedSigstore(t).Key, Log: sigstore().Rekor1}
	other.SignForge(f, 0, fixture.Stages{Optional: map[string]any{"env": "prod"}})
	sigstore().AttachForge(f, 0, claims(predicateSLSA))
	opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
	opt.Annotations = map[string]string{"env": "prod"}
	opt.Vouch = []verify.Vouch{{By: check.VouchedByAttestation, Name: "slsa", PredicateType: predicateSLSA}}
	rep := fixture.Verify(t, f.Build(), opt)
	var text strings.Builder
	if err := report.Text(&text, rep); err != nil || rep.Verdict != check.Verified {
		t.Fatal(err, rep.Verdict)
	}
	if strings.Contains(text.String(), "annotations were found") || !strings.Contains(text.String(), "NOT CHECKED") {
		t.Errorf("the text says of the wrong signature:\n%s", &text)
	}
}

// Two images of one name and tag are ambiguous, whatever seals both.
func TestTwoDigestsOfOneName(t *testing.T) {
	by := fixture.NewSigner(t)
	for want, demand := range map[string]bool{"": false, "policy.reference-unbound": true} {
		f := fixture.Open(fixture.Bundle(t, "app:v1", "app:v2"))
		f.Inventory.Keys = []bundle.Key{}
		f.Inventory.Images[1].Reference = f.Inventory.Images[0].Reference + "@" + string(f.Inventory.Images[1].Digest)
		by.SignForge(f, 0)
		by.SignForge(f, 1)
		opt := by.Options()
		rule := verify.Rule{Pattern: fixture.Host + "*"}
		rule.Keys, opt.Keys = opt.Keys, nil
		rule.NamesBound = demand
		opt.Policy = &verify.Policy{Rules: []verify.Rule{rule}}
		raw := f.Build()
		failsExactly(t, raw, opt, want)
		rep := fixture.Verify(t, raw, opt)
		for _, c := range rep.Checks {
			if c.ID == check.PolicyUnbound && !strings.Contains(c.Detail, "ambiguous") {
				t.Errorf("%s: %s", c.ID, c.Detail)
			}
		}
	}
}

// The sender comes last, whatever the order in the rule: a signed image is shown as
// signed.
func TestSenderVouchesLast(t *testing.T) {
	vouchCases(t, []vouchCase{{name: "and a signature is there", by: check.VouchedBySignature,
		forge: func(f *fixture.Forge) { sigstore().AttachForge(f, 0, fixture.BundleStages{}) },
		rule: func(r *verify.Rule) {
			r.Vouch = []verify.Vouch{{By: check.VouchedBySender}, {By: check.VouchedBySignature}}
		}}})
}
