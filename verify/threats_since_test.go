package verify_test

import (
	"crypto/elliptic"
	"encoding/base64"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/lock"
)

// otherHalf returns the signature (r, n−s), which verifies if (r, s) does, and which a
// log takes for another signature.
func otherHalf(sig []byte) []byte {
	r, s := points(sig)
	return der(r, new(big.Int).Sub(elliptic.P256().Params().N, s))
}

// half returns the half of a signature with the larger or the smaller s.
func half(high bool) func([]byte) []byte {
	return func(sig []byte) []byte {
		_, s := points(sig)
		if isHigh := s.Cmp(new(big.Int).Rsh(elliptic.P256().Params().N, 1)) > 0; isHigh != high {
			return otherHalf(sig)
		}
		return sig
	}
}

func otherHalfText(s string) string {
	sig, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(otherHalf(sig))
}

// relogged is a signature, in either half, that is logged at a time after SignedAt.
func relogged(signature func([]byte) []byte, after time.Duration) []fixture.Stages {
	st := at(after)
	st.Signature = signature
	return one(st)
}

// Honest signers make either half of an ECDSA signature, so neither is refused, and
// the time of a log entry is one by which the signature existed.
func TestEitherHalfOfASignature(t *testing.T) {
	aged := func(after time.Duration) func(*verify.Options) {
		return func(o *verify.Options) { clock(after)(o); o.MaxAge = time.Hour }
	}
	threats(t, "rekor", []threat{
		{name: "the low half", signed: relogged(half(false), 0), warn: "policy.reference-unbound"},
		{name: "the high half", signed: relogged(half(true), 0), warn: "policy.reference-unbound"},
		{name: "the other half than was logged", want: "rekor.signature",
			signed: encoded(otherHalfText)},
		{name: "logged again in the other half, to be young enough", signed: relogged(otherHalf, 1000*time.Hour),
			opt: aged(1000 * time.Hour), warn: "policy.reference-unbound"},
	})
	threats(t, "policy", []threat{
		{name: "too old, not logged again", opt: aged(1000 * time.Hour), want: "policy.age"},
	})
	for _, keyless := range []bool{false, true} {
		c := modern{made: fixture.BundleStages{Flavour: fixture.Flavour{Keyless: keyless}, Signature: func(m *fixture.Making) {
			m.Signature = half(true)(m.Signature)
		}}}
		c.run(t, "")
	}
}

// Under a plain key a passed demand on the age says what it shows.
func TestAgeUnderAKeyBoundsExistenceOnly(t *testing.T) {
	keyed, keyless := fixture.Flavour{}, fixture.Flavour{Keyless: true}
	stamped := fixture.Flavour{Stamped: true, Rekor2: true} // which has no other time
	maxAge := func(o *verify.Options) { o.MaxAge = 1000 * time.Hour }
	notBefore := func(o *verify.Options) { o.NotBefore = fixture.SignedAt }
	for name, c := range map[string]struct {
		of     fixture.Flavour
		demand func(*verify.Options)
	}{
		"--max-age under a key":                 {keyed, maxAge},
		"--not-before under a key":              {keyed, notBefore},
		"--max-age under a key, by a timestamp": {stamped, maxAge},
		"--max-age under a certificate":         {keyless, maxAge},
		"--not-before under a certificate":      {keyless, notBefore},
	} {
		raw, opt := (&modern{made: fixture.BundleStages{Flavour: c.of}, opt: c.demand}).build()
		rep := fixture.Verify(t, raw, opt)
		failedAs(t, rep, "")
		i := slices.IndexFunc(rep.Checks, func(c verify.Check) bool { return c.ID == check.PolicyAge && c.Status == check.Pass })
		if i < 0 {
			t.Errorf("%s: policy.age did not pass", name)
			continue
		}
		const bound = "by which the signature existed, not when it was made"
		if said := strings.Contains(rep.Checks[i].Detail, bound); said == c.of.Keyless {
			t.Errorf("%s: it says %q", name, rep.Checks[i].Detail)
		}
	}
}

// A build that is logged again in the other half is as old as when it was first
// verified, which the failure says.
func TestRollbackOfARelogggedBuild(t *testing.T) {
	c := threat{signed: relogged(otherHalf, 1000*time.Hour), opt: clock(1000 * time.Hour)}
	raw, opt := c.build(t, unsigned(t, "unsigned:v1"))
	own := string(fixture.Open(raw).Inventory.Images[0].Digest)
	opt.Policy = refusing(fixture.Host + "unsigned:v1")
	opt.Known = &known{builds: []verify.Build{
		{Digest: own, Time: fixture.SignedAt, Entry: 1},
		{Digest: "sha256:newer", Time: fixture.SignedAt.Add(time.Hour), Entry: 2},
	}}
	rep := fixture.Verify(t, raw, opt)
	failedAs(t, rep, "policy.rollback")
	if f := rep.Failures[0]; !strings.Contains(f.Detail, "first verified as entry 1, whatever time its signature bears now") ||
		strings.Contains(string(f.Expected), "signed at") {
		t.Errorf("%s: expected %s", f.Detail, f.Expected)
	}
	opt.Policy.RefuseRollback = false
	if warned := strings.Join(fixture.Warned(fixture.Verify(t, raw, opt)), " "); !strings.Contains(warned, "policy.rollback") {
		t.Errorf("without a refusal in the policy: warned [%s]", warned)
	}
}

// A reader of Docker's schema 1 finds its image in members of which schema 2 knows
// nothing: such a document is two.
func TestSchema1BesideSchema2(t *testing.T) {
	members := map[string]string{
		"fsLayers":   `[{"blobSum":"` + string(oci.EmptyDigest) + `"}]`,
		"history":    `[{"v1Compatibility":"{}"}]`,
		"signatures": `[]`,
	}
	var cases []deviation
	for name, value := range members {
		beside := `"` + name + `":` + value + `,`
		cases = append(cases,
			deviation{name: name + " beside layers", forge: rootSwap(`"layers":`, beside+`"layers":`),
				want: "manifest.media-type", detail: "members of schema 1"},
			deviation{name: name + " beside manifests", base: multiBundle, forge: rootSwap(`"manifests":`, beside+`"manifests":`),
				want: "manifest.media-type", detail: "members of schema 1"},
			deviation{name: name + " in a platform", base: multiBundle, want: "manifest.media-type", detail: "members of schema 1",
				forge: func(f *fixture.Forge) {
					f.Edit(children(f)[0].Digest, func(s string) string { return strings.Replace(s, `"layers":`, beside+`"layers":`, 1) })
				}},
			deviation{name: name + " in place of layers", want: "manifest.media-type", forge: root(func(s string) string {
				return `{"schemaVersion":2,"mediaType":"` + oci.TypeManifest + `",` + strings.TrimSuffix(beside, ",") + `}`
			})},
			deviation{name: name + " in another case", forge: rootSwap(`"layers":`, strings.ToUpper(beside[:2])+beside[2:]+`"layers":`),
				want: "manifest.json"},
		)
	}
	deviate(t, "manifest", cases)
}

// A Sigstore bundle signs no name, so that an image can be renamed to meet the rule of
// another. Where a rule demands that names are bound, something else has to.
func TestNamesBound(t *testing.T) {
	signs := func(f *fixture.Forge) { sigstore().AttachForge(f, 0, fixture.BundleStages{}) }
	sealed := func(f *fixture.Forge) { signs(f); f.Seal = sealer().Seal }
	named := func(f *fixture.Forge) {
		(&fixture.Signer{Key: sigstore().Key, Log: sigstore().Rekor1}).SignForge(f, 0)
	}
	inv := fixture.Open(strippedImages["multi:v1"]()).Inventory
	digest := inv.Images[0].Digest
	other := oci.Digest("sha256:" + strings.Repeat("0", 64))
	bind := func(r *verify.Rule) { r.NamesBound = true }
	pinned := func(d oci.Digest) func(*verify.Options) { return wanted(t, "multi:v1@"+string(d)) }
	inRule := func(d oci.Digest) func(*verify.Rule) {
		return func(r *verify.Rule) { bind(r); r.Pattern, r.Digests = fixture.Host+"multi:v1", []oci.Digest{d} }
	}
	locked := func(change func(*lock.Lock)) func(*verify.Options) {
		return func(o *verify.Options) {
			l, err := lock.New(&bundle.Inventory{Images: inv.Images})
			if err != nil {
				t.Fatal(err)
			}
			if change != nil {
				change(l)
			}
			o.Lock = l
		}
	}
	by := check.VouchedBySignature
	vouchCases(t, []vouchCase{
		{name: "not demanded", forge: signs, by: by, bound: check.BoundByNone},
		{name: "bound by nothing", forge: signs, rule: bind, want: "policy.reference-unbound"},
		{name: "bound by the signature's own name only", forge: named, rule: bind, want: "policy.reference-unbound"},
		{name: "bound by a digest", forge: signs, rule: bind, opt: pinned(digest), by: by, bound: check.BoundByDigest},
		{name: "another digest", forge: signs, rule: bind, opt: pinned(other), want: "policy.image policy.reference-unbound"},
		{name: "bound by a policy", forge: signs, rule: inRule(digest), by: by, bound: check.BoundByPolicy},
		{name: "the policy has another digest", forge: signs, rule: inRule(other), want: "policy.digest policy.reference-unbound"},
		{name: "bound by a lock", forge: signs, rule: bind, opt: locked(nil), by: by, bound: check.BoundByLock},
		{name: "the lock has another digest", forge: signs, rule: bind, want: "policy.lock policy.reference-unbound",
			opt: locked(func(l *lock.Lock) { l.Images[0].Digest = other })},
		{name: "the lock has another name", forge: signs, rule: bind, want: "policy.lock policy.reference-unbound",
			opt: locked(func(l *lock.Lock) { l.Images[0].Reference = fixture.Host + "multi:v2" })},
		{name: "bound by a seal", forge: sealed, rule: bind, by: by, bound: check.BoundBySeal,
			opt: func(o *verify.Options) { o.SealKeys = sealer().Keys() }},
		{name: "a seal by a key that is not pinned", forge: sealed, rule: bind, want: "policy.reference-unbound"},
		{name: "renamed", rule: bind, want: "policy.reference-unbound",
			forge: func(f *fixture.Forge) { signs(f); f.Inventory.Images[0].Reference = fixture.Host + "multi:v2" }},
	})
}
