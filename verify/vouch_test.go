package verify_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/lock"
)

// vouchCase is a case of what vouches for an image: a bundle that a rule of a
// policy accepts, or that differs from one in one thing.
type vouchCase struct {
	name  string
	image string // of testdata; multi:v1 if empty
	forge func(*fixture.Forge)
	rule  func(*verify.Rule)
	opt   func(*verify.Options)
	want  string // ids of the failed checks, in order; empty for verified
	by    check.VouchedBy
	bound check.BoundBy // not compared if empty
}

// strippedImages exports images of testdata without evidence and keys.
var strippedImages = map[string]func() []byte{
	"multi:v1":    sync.OnceValue(func() []byte { return withoutEvidence("multi:v1") }),
	"unsigned:v1": sync.OnceValue(func() []byte { return withoutEvidence("unsigned:v1") }),
}

func withoutEvidence(image string) []byte {
	t := &testing.T{}
	req := fixture.Request(t, image)
	req.Keys = nil
	f := fixture.Open(fixture.Export(t, fixture.NewRegistry(), req))
	f.Inventory.Images[0].Evidence = nil
	return f.Build()
}

func (c *vouchCase) run(t *testing.T) {
	t.Helper()
	if c.image == "" {
		c.image = "multi:v1"
	}
	f := fixture.Open(strippedImages[c.image]())
	if c.forge != nil {
		c.forge(f)
	}
	opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
	opt.Keys = nil
	rule := verify.Rule{Pattern: fixture.Host + "*"}
	rule.Keys = sigstore().Options(sigstore().TrustedRoot(nil), false).Keys
	if c.rule != nil {
		c.rule(&rule)
	}
	opt.Policy = &verify.Policy{Rules: []verify.Rule{rule}}
	if c.opt != nil {
		c.opt(&opt)
	}
	rep := fixture.Verify(t, f.Build(), opt)
	if failed := strings.Join(fixture.Failed(rep), " "); failed != c.want {
		t.Errorf("failed [%s], want [%s]\n%s", failed, c.want, details(rep))
	}
	if by := rep.Images[0].VouchedBy; c.want == "" && by != c.by {
		t.Errorf("vouched for by %s, want %s", by, c.by)
	}
	if bound := rep.Images[0].BoundBy; c.bound != "" && bound != c.bound {
		t.Errorf("bound by %s, want %s", bound, c.bound)
	}
}

func vouchCases(t *testing.T, cases []vouchCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t) })
	}
}

func way(by check.VouchedBy, predicateType string) func(*verify.Rule) {
	return func(r *verify.Rule) {
		r.Vouch = []verify.Vouch{{By: by, Name: predicateType, PredicateType: predicateType}}
	}
}

func withBoth(one, other func(*verify.Rule)) func(*verify.Rule) {
	return func(r *verify.Rule) { one(r); other(r) }
}

// elsewhere signs with the pinned key, and logs in a log that is not trusted.
func elsewhere(t *testing.T) *fixture.Sigstore {
	return sigstore().With(func(s *fixture.Sigstore) {
		other := fixture.NewSigstore(t)
		s.Rekor1, s.Rekor2 = other.Rekor1, other.Rekor2
	})
}

// withAttestation attaches an attestation of a type to the root of the image.
func withAttestation(predicateType string, st fixture.BundleStages) func(*fixture.Forge) {
	st.Claim = claims(predicateType).Claim
	return func(f *fixture.Forge) { sigstore().AttachForge(f, 0, st) }
}

func TestAttestationVouches(t *testing.T) {
	byType := way(check.VouchedByAttestation, predicateSLSA)
	good := withAttestation(predicateSLSA, fixture.BundleStages{})
	flipped := fixture.BundleStages{Signature: func(m *fixture.Making) { m.Signature[9] ^= 1 }}
	old := func(r *verify.Rule) { byType(r); r.MaxAge = time.Hour }
	signs := func(f *fixture.Forge) { sigstore().AttachForge(f, 0, fixture.BundleStages{}) }
	vouchCases(t, []vouchCase{
		{name: "of the type", forge: good, rule: byType, by: check.VouchedByAttestation, bound: check.BoundByNone},
		{name: "no rule accepts it", forge: good, want: "signature.present"},
		{name: "of another type", forge: withAttestation(predicateVuln, fixture.BundleStages{}), rule: byType, want: "policy.attestation"},
		{name: "a signature is no attestation", forge: signs, rule: byType, want: "policy.attestation"},
		{name: "none", rule: byType, want: "policy.attestation"},
		{name: "broken", forge: withAttestation(predicateSLSA, flipped), rule: byType, want: "signature.crypto policy.attestation"},
		{name: "not logged", forge: withAttestation(predicateSLSA, fixture.BundleStages{Flavour: fixture.Flavour{Unlogged: true}}), rule: byType, want: "rekor.present policy.attestation"},
		{name: "not logged, the log is optional", forge: withAttestation(predicateSLSA, fixture.BundleStages{Flavour: fixture.Flavour{Unlogged: true}}),
			rule: withBoth(byType, func(r *verify.Rule) { r.LogOptional = true }), by: check.VouchedByAttestation},
		{name: "in a log that is not trusted", rule: byType, want: "trust.log policy.attestation", forge: func(f *fixture.Forge) {
			elsewhere(t).AttachForge(f, 0, claims(predicateSLSA))
		}},
		{name: "in a log that is not trusted, and the log is optional", rule: withBoth(byType, func(r *verify.Rule) { r.LogOptional = true }),
			by: check.VouchedByAttestation, forge: func(f *fixture.Forge) { elsewhere(t).AttachForge(f, 0, claims(predicateSLSA)) }},
		{name: "too old", forge: good, rule: old, want: "policy.age policy.attestation"},
		{name: "about another image", rule: byType, want: "signature.claims policy.attestation", forge: func(f *fixture.Forge) {
			st := fixture.BundleStages{Claim: func(m *fixture.Making) { m.Payload = fixture.Statement(oci.EmptyDigest, predicateSLSA) }}
			sigstore().AttachForge(f, 0, st)
		}},
		{name: "by a key that is not pinned", rule: byType, want: "trust.key policy.attestation", forge: func(f *fixture.Forge) {
			unpinnedSigstore(t).AttachForge(f, 0, claims(predicateSLSA))
		}},
		{name: "about a platform only", rule: byType, want: "policy.attestation", forge: func(f *fixture.Forge) {
			sigstore().AttachTo(f, 0, f.Platforms(0)[0], claims(predicateSLSA))
		}},
		{name: "the second of two kinds", forge: good, by: check.VouchedByAttestation, rule: func(r *verify.Rule) {
			byType(r)
			r.Vouch = append([]verify.Vouch{{By: check.VouchedBySignature}}, r.Vouch...)
		}},
		{name: "neither of two kinds", forge: withAttestation(predicateVuln, fixture.BundleStages{}), want: "policy.attestation signature.present", rule: func(r *verify.Rule) {
			byType(r)
			r.Vouch = append(r.Vouch, verify.Vouch{By: check.VouchedBySignature})
		}},
		{name: "a flag accepts it", forge: good, by: check.VouchedByAttestation, opt: func(o *verify.Options) {
			o.Vouch = []verify.Vouch{{By: check.VouchedByAttestation, Name: "slsa", PredicateType: predicateSLSA}}
		}},
		{name: "its name is to be bound", forge: good, rule: withBoth(byType, func(r *verify.Rule) { r.NamesBound = true }), want: "policy.reference-unbound"},
		{name: "its name is to be bound, and sealed", rule: withBoth(byType, func(r *verify.Rule) { r.NamesBound = true }), by: check.VouchedByAttestation,
			bound: check.BoundBySeal, forge: func(f *fixture.Forge) { good(f); f.Seal = sealer().Seal },
			opt: func(o *verify.Options) { o.SealKeys = sealer().Keys() }},
	})
}

// buildkit gives each platform an attestation manifest in the index, and signs it
// with a Sigstore bundle: the shape of docker/github-builder.
func buildkit(change func(*fixture.AttestationManifest), st fixture.BundleStages) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		var manifests []oci.Digest
		for _, p := range f.Platforms(0) {
			m := fixture.AttestationManifest{Statement: fixture.Statement(p, predicateSLSA), Predicate: predicateSLSA}
			if change != nil {
				change(&m)
			}
			d := m.Add(f, p)
			f.AddChild(0, d, p)
			manifests = append(manifests, d)
		}
		for _, d := range manifests {
			sigstore().AttachTo(f, 0, d, st)
		}
	}
}

// A signature over an attestation that no rule asks for is no warning: --strict
// accepts it. The unsigned statement of a referrer, which is not judged, is one.
func TestSignatureOverAnAttestationThatIsNotNeeded(t *testing.T) {
	for name, shape := range map[string]func(*fixture.Forge){
		"in the index": buildkit(nil, fixture.BundleStages{}),
		"a referrer":   hardened(nil, fixture.Host+"multi", fixture.Stages{}),
	} {
		f := fixture.Open(strippedImages["multi:v1"]())
		shape(f)
		sigstore().AttachForge(f, 0, fixture.BundleStages{})
		f.Seal = sealer().Seal
		opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
		opt.SealKeys = sealer().Keys()
		rep := fixture.Verify(t, f.Build(), opt)
		failedAs(t, rep, "")
		for _, c := range rep.Checks {
			if c.Status == check.Warn && !strings.Contains(c.Detail, "in-toto for") {
				t.Errorf("%s: warned of %s: %s", name, c.ID, c.Detail)
			}
		}
	}
}

// unsignManifests keeps some of the Sigstore bundles.
func unsignManifests(f *fixture.Forge, keep int) {
	img := &f.Inventory.Images[0]
	img.Evidence = slices.DeleteFunc(img.Evidence, func(ev bundle.Evidence) bool {
		if ev.Kind == oci.KindBundle {
			keep--
		}
		return ev.Kind == oci.KindBundle && keep < 0
	})
}

// hardened gives each platform a referrer with a statement, and that a signature
// of cosign's first generation: the shape of Docker Hardened Images.
func hardened(change func(*fixture.AttestationManifest), reference string, st fixture.Stages) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		by := &fixture.Signer{Key: sigstore().Key, Log: sigstore().Rekor1}
		for _, p := range f.Platforms(0) {
			m := fixture.AttestationManifest{Statement: fixture.Statement(p, predicateSLSA), Predicate: predicateSLSA}
			if change != nil {
				change(&m)
			}
			d := m.Add(f, p)
			f.AddEvidence(0, oci.KindInToto, d, p)
			by.SignReferrer(f, 0, d, reference, st)
		}
	}
}

func TestPlatformAttestationVouches(t *testing.T) {
	rule := way(check.VouchedByPlatformAttestation, predicateSLSA)
	const by, unvouched = check.VouchedByPlatformAttestation, "policy.platform-attestation"
	const evil = "0000000000000000000000000000000000000000000000000000000000000000"
	optional := withBoth(rule, func(r *verify.Rule) { r.LogOptional = true })
	manifest := func(change func(*fixture.AttestationManifest)) func(*fixture.Forge) {
		return buildkit(change, fixture.BundleStages{})
	}
	subject := func(name string, value any) func(*fixture.Forge) {
		return manifest(func(m *fixture.AttestationManifest) {
			m.Subject = func(d map[string]any) { d[name] = value }
		})
	}
	mirror := fixture.Host + "mirror"
	second := sigstore().With(func(s *fixture.Sigstore) { s.Key = fixture.NewSigstore(t).Key })
	unlogged := fixture.Stages{NoLog: true}
	vouchCases(t, []vouchCase{
		{name: "each platform, in the index", forge: manifest(nil), rule: rule, by: by, bound: check.BoundByNone},
		{name: "message signatures", forge: buildkit(nil, fixture.BundleStages{Flavour: fixture.Flavour{Message: true}}), rule: rule, by: by},
		{name: "no rule accepts it", forge: manifest(nil), want: "signature.present"},
		{name: "of another type", forge: manifest(nil), rule: way(by, predicateVuln), want: "policy.attestation policy.platform-attestation"},
		{name: "no subject", forge: manifest(func(m *fixture.AttestationManifest) { m.NoSubject = true }), rule: rule, want: "signature.claims " + unvouched},
		{name: "a subject of another size", forge: subject("size", 7), rule: rule, want: "manifest.size " + unvouched},
		{name: "a subject of another type", forge: subject("mediaType", oci.TypeDockerManifest), rule: rule, want: "manifest.media-type " + unvouched},
		{name: "a subject that is another manifest", forge: subject("digest", "sha256:"+evil), rule: rule, want: "layout.inventory signature.claims " + unvouched},
		{name: "a statement about another platform", rule: rule, want: "signature.claims " + unvouched,
			forge: manifest(func(m *fixture.AttestationManifest) { m.Statement = fixture.Statement("sha256:"+evil, predicateSLSA) })},
		{name: "a broken signature", forge: buildkit(nil, fixture.BundleStages{Signature: func(m *fixture.Making) { m.Signature[9] ^= 1 }}),
			rule: rule, want: "signature.crypto " + unvouched},
		{name: "an attestation about the manifest is no signature", forge: buildkit(nil, claims(predicateVuln)), rule: rule, want: unvouched},
		{name: "unsigned, as Docker Official Images are", rule: rule, want: unvouched, forge: func(f *fixture.Forge) {
			manifest(nil)(f)
			unsignManifests(f, 0)
		}},
		{name: "one platform has none", rule: rule, want: unvouched, forge: func(f *fixture.Forge) {
			manifest(nil)(f)
			unsignManifests(f, 1)
		}},
		{name: "attestations about each platform themselves", rule: rule, by: by, forge: func(f *fixture.Forge) {
			for _, p := range f.Platforms(0) {
				sigstore().AttachTo(f, 0, p, claims(predicateSLSA))
			}
		}},
		{name: "referrers with signatures of the first generation", forge: hardened(nil, fixture.Host+"multi", fixture.Stages{}), rule: rule, by: by},
		{name: "the same, not logged", forge: hardened(nil, fixture.Host+"multi", unlogged), rule: rule, want: "rekor.present " + unvouched},
		{name: "the same, and the log is optional", forge: hardened(nil, fixture.Host+"multi", unlogged), rule: optional, by: by},
		{name: "the same, signed for another name", forge: hardened(nil, mirror, unlogged), rule: optional, want: "signature.docker-reference " + unvouched},
		{name: "the same, and the name is accepted", forge: hardened(nil, mirror, unlogged), by: by,
			rule: withBoth(optional, func(r *verify.Rule) { r.SignedAs = []string{mirror} })},
		{name: "two signers are demanded", forge: manifest(nil), want: "policy.signers", rule: withBoth(rule, func(r *verify.Rule) { r.Signers = 2 })},
		{name: "two signers are demanded, and there are two", by: by, rule: withBoth(rule, func(r *verify.Rule) {
			r.Signers = 2
			r.Keys = append(r.Keys, second.Public())
		}), forge: func(f *fixture.Forge) {
			manifest(nil)(f)
			for _, ev := range slices.Clone(f.Inventory.Images[0].Evidence) {
				if ev.Kind == oci.KindInToto {
					second.AttachTo(f, 0, ev.Digest, fixture.BundleStages{})
				}
			}
		}},
		{name: "an image without an index", image: "unsigned:v1", forge: hardened(nil, fixture.Host+"unsigned", fixture.Stages{}), rule: rule, by: by},
	})
}

func TestSenderVouches(t *testing.T) {
	const by, unvouched = check.VouchedBySender, "policy.sender"
	pinned := func(r *verify.Rule) {
		way(by, "")(r)
		r.Keys = nil
		r.Digests = []oci.Digest{fixture.Open(strippedImages["multi:v1"]()).Inventory.Images[0].Digest}
	}
	unpinned := func(r *verify.Rule) { pinned(r); r.Digests = nil }
	other := func(r *verify.Rule) { pinned(r); r.Digests = []oci.Digest{oci.EmptyDigest} }
	sealed := func(f *fixture.Forge) { f.Seal = sealer().Seal }
	trusts := func(o *verify.Options) { o.SealKeys = sealer().Keys() }
	vouchCases(t, []vouchCase{
		{name: "sealed and pinned", forge: sealed, rule: pinned, opt: trusts, by: by, bound: check.BoundBySeal},
		{name: "no rule accepts it", forge: sealed, opt: trusts, want: "signature.present"},
		{name: "not sealed", rule: pinned, opt: trusts, want: "policy.seal policy.sender"},
		{name: "no seal key is pinned", forge: sealed, rule: pinned, want: "trust.unanchored policy.sender"},
		{name: "sealed by another key", forge: func(f *fixture.Forge) { f.Seal = fixture.NewSealer().Seal }, rule: pinned, opt: trusts, want: "policy.seal policy.sender"},
		{name: "signers are demanded", forge: sealed, rule: withBoth(pinned, func(r *verify.Rule) { r.Signers = 2 }), opt: trusts, want: "policy.signers"},
		{name: "no digest is pinned", forge: sealed, rule: unpinned, opt: trusts, want: unvouched},
		{name: "another digest is pinned", forge: sealed, rule: other, opt: trusts, want: "policy.digest policy.sender"},
		{name: "pinned by a lock", forge: sealed, rule: unpinned, by: by, bound: check.BoundByLock, opt: func(o *verify.Options) {
			trusts(o)
			f := fixture.Open(strippedImages["multi:v1"]())
			o.Lock, _ = lock.New(&f.Inventory)
		}},
		{name: "a stream is demanded", forge: sealed, rule: pinned, by: by, opt: func(o *verify.Options) { trusts(o); o.SealStream = "acme" }},
		{name: "another stream is demanded", forge: sealed, rule: pinned, want: "policy.seal policy.sender",
			opt: func(o *verify.Options) { trusts(o); o.Policy.SealStream = "plant" }},
		{name: "the seal key is denied", forge: sealed, rule: pinned, want: "policy.seal policy.sender",
			opt: func(o *verify.Options) { trusts(o); o.Policy.Deny.Keys = []string{sealer().Public().Fingerprint()} }},
	})
}

func twoUnsigned(t *testing.T) []byte {
	f := fixture.Open(unsigned(t, "app:v1", "app:v2"))
	for i := range f.Inventory.Images {
		f.Inventory.Images[i].Evidence = nil
	}
	return f.Build()
}

// An unsigned image in a bundle is refused unless its own rule says that the sender
// vouches.
func TestUnsignedImageBesideOthers(t *testing.T) {
	raw := twoUnsigned(t)
	f := fixture.Open(raw)
	publisher().SignForge(f, 0)
	f.Seal = sealer().Seal
	opt := publisher().Options()
	opt.SealKeys = sealer().Keys()
	judged := func(vouch ...verify.Vouch) string {
		rule := verify.Rule{Pattern: fixture.Host + "app:v2"}
		rule.Vouch = vouch
		rule.Digests = []oci.Digest{f.Inventory.Images[1].Digest}
		opt.Policy = &verify.Policy{Rules: []verify.Rule{rule}, JudgeUnlisted: true}
		return strings.Join(fixture.Failed(fixture.Verify(t, f.Build(), opt)), " ")
	}
	if got, want := judged(), "policy.unsigned-image signature.present"; got != want {
		t.Errorf("without the sender: [%s], want [%s]", got, want)
	}
	if got := judged(verify.Vouch{By: check.VouchedBySender}); got != "" {
		t.Errorf("with the sender: [%s]", got)
	}
}

func TestDeny(t *testing.T) {
	signs := func(f *fixture.Forge) { sigstore().AttachForge(f, 0, fixture.BundleStages{}) }
	key := func(o *verify.Options) { o.Policy.Deny.Keys = []string{sigstore().Public().Fingerprint()} }
	layer := func(o *verify.Options) {
		f := fixture.Open(strippedImages["multi:v1"]())
		var m struct{ Layers []struct{ Digest oci.Digest } }
		_ = json.Unmarshal(f.Blobs[f.Platforms(0)[0]], &m)
		o.Policy.Deny.Digests = []oci.Digest{m.Layers[0].Digest}
	}
	root := func(o *verify.Options) {
		o.Policy.Deny.Digests = []oci.Digest{fixture.Open(strippedImages["multi:v1"]()).Inventory.Images[0].Digest}
	}
	second := sigstore().With(func(s *fixture.Sigstore) { s.Key = fixture.NewSigstore(t).Key })
	vouchCases(t, []vouchCase{
		{name: "nothing", forge: signs, by: check.VouchedBySignature},
		{name: "the key", forge: signs, opt: key, want: "policy.deny"},
		{name: "one of two keys that signed", by: check.VouchedBySignature, opt: key,
			forge: func(f *fixture.Forge) { signs(f); second.AttachForge(f, 0, fixture.BundleStages{}) },
			rule:  func(r *verify.Rule) { r.Keys = append(r.Keys, second.Public()) }},
		{name: "the image", forge: signs, opt: root, want: "policy.deny"},
		{name: "a layer", forge: signs, opt: layer, want: "policy.deny"},
		{name: "the identity", want: "policy.deny",
			forge: func(f *fixture.Forge) {
				sigstore().AttachForge(f, 0, fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true}})
			},
			rule: func(r *verify.Rule) {
				r.Keys, r.Identities = nil, sigstore().Options(sigstore().TrustedRoot(nil), true).Identities
			},
			opt: func(o *verify.Options) { o.Policy.Deny.Identities = o.Policy.Rules[0].Identities }},
	})
}

func TestBuiltInRootIsRefused(t *testing.T) {
	refuse := func(source string) func(*verify.Options) {
		return func(o *verify.Options) {
			o.Policy.RefuseBuiltInRoot = true
			for i := range o.Logs {
				o.Logs[i].Source = source
			}
		}
	}
	signs := func(f *fixture.Forge) { sigstore().AttachForge(f, 0, fixture.BundleStages{}) }
	vouchCases(t, []vouchCase{
		{name: "a root that was given", forge: signs, opt: refuse("file"), by: check.VouchedBySignature},
		{name: "the built-in one", forge: signs, opt: refuse("built-in"), want: "policy.built-in-root"},
	})
}

func TestPayloadTypesAndNames(t *testing.T) {
	signer := &fixture.Signer{Key: sigstore().Key, Log: sigstore().Rekor1}
	signed := func(st fixture.Stages) func(*fixture.Forge) {
		return func(f *fixture.Forge) { signer.SignForge(f, 0, st) }
	}
	tekton := signed(fixture.Stages{Payload: fixture.Swap("cosign container image signature", "Tekton container signature")})
	types := func(list ...string) func(*verify.Rule) { return func(r *verify.Rule) { r.PayloadTypes = list } }
	names := func(list ...string) func(*verify.Rule) { return func(r *verify.Rule) { r.SignedAs = list } }
	const mirror = "us-central1-docker.pkg.dev/acme/multi"
	vouchCases(t, []vouchCase{
		{name: "cosign's type", forge: signed(fixture.Stages{}), by: check.VouchedBySignature, bound: check.BoundByName},
		{name: "another type", forge: tekton, want: "signature.claims"},
		{name: "another type that is accepted", forge: tekton, rule: types("Tekton container signature"), by: check.VouchedBySignature},
		{name: "cosign's type beside others", forge: signed(fixture.Stages{}), rule: types("Tekton container signature"), by: check.VouchedBySignature},
		{name: "another type than the accepted one", forge: tekton, rule: types("Tekton"), want: "signature.claims"},
		{name: "another name", forge: signed(fixture.Stages{Reference: mirror}), want: "signature.docker-reference"},
		{name: "another name that is accepted", forge: signed(fixture.Stages{Reference: mirror}), rule: names("us-central1-docker.pkg.dev/**"),
			by: check.VouchedBySignature, bound: check.BoundByNone},
		{name: "a name beside the accepted one", forge: signed(fixture.Stages{Reference: mirror + "2"}), rule: names(mirror), want: "signature.docker-reference"},
		{name: "an accepted name with another tag", forge: signed(fixture.Stages{Reference: mirror + ":v2"}), rule: names(mirror + ":v1"), want: "signature.docker-reference"},
		{name: "another tag of the image", forge: signed(fixture.Stages{Reference: fixture.Host + "multi:v1.2"}), want: "signature.docker-reference"},
		{name: "another tag that is accepted", forge: signed(fixture.Stages{Reference: fixture.Host + "multi:v1.2"}),
			rule: names(fixture.Host + "multi:v1.2"), by: check.VouchedBySignature},
	})
}

// A signature under another tag of the same image says so, and what to do.
func TestAnotherTagOfTheSameImage(t *testing.T) {
	f := fixture.Open(unsigned(t, "unsigned:v1"))
	publisher().SignForge(f, 0, fixture.Stages{Reference: fixture.Host + "unsigned:1.0"})
	rep := fixture.Verify(t, f.Build(), publisher().Options())
	c := rep.Failures[0]
	if c.ID != check.SignatureReference || !strings.Contains(c.Detail, "another tag") || !strings.Contains(string(c.Remedy), "by the tag that was signed") {
		t.Errorf("%s: %s (%s)", c.ID, c.Detail, c.Remedy)
	}
}

// A name that two images claim is ambiguous, also if one of them gives a digest.
func TestAmbiguousName(t *testing.T) {
	f := fixture.Open(twoUnsigned(t))
	for i := range f.Inventory.Images {
		publisher().SignForge(f, i)
	}
	img := &f.Inventory.Images[1]
	img.Reference = fixture.Host + "app:v1@" + string(img.Digest)
	opt := publisher().Options()
	opt.Images = []oci.Reference{{Repository: fixture.Host + "app", Tag: "v1"}}
	if got := strings.Join(fixture.Failed(fixture.Verify(t, f.Build(), opt)), " "); got != "policy.image" {
		t.Errorf("failed [%s], want [policy.image]", got)
	}
}

func TestLock(t *testing.T) {
	raw := twoUnsigned(t)
	build := func(change func(*lock.Lock)) string {
		f := fixture.Open(raw)
		for i := range f.Inventory.Images {
			publisher().SignForge(f, i)
		}
		l, err := lock.New(&f.Inventory)
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(l)
		}
		opt := publisher().Options()
		opt.Lock = l
		rep := fixture.Verify(t, f.Build(), opt)
		for _, img := range rep.Images {
			if change == nil && img.BoundBy != check.BoundByLock {
				t.Errorf("%s is bound by %s", img.ClaimedReference, img.BoundBy)
			}
		}
		return strings.Join(fixture.Failed(rep), " ")
	}
	for name, c := range map[string]struct {
		change func(*lock.Lock)
		want   string
	}{
		"exactly":        {nil, ""},
		"one image more": {func(l *lock.Lock) { l.Images = l.Images[:1] }, "policy.lock"},
		"one image missing": {func(l *lock.Lock) {
			l.Images = append(l.Images, lock.Image{Reference: "a.b/c:d", Digest: oci.EmptyDigest})
		}, "policy.lock"},
		"another digest":          {func(l *lock.Lock) { l.Images[0].Digest = oci.EmptyDigest }, "policy.lock"},
		"another name":            {func(l *lock.Lock) { l.Images[0].Reference = fixture.Host + "app:v3" }, "policy.lock"},
		"other platforms":         {func(l *lock.Lock) { l.Images[0].Platforms = []string{"linux/arm64"} }, "policy.lock"},
		"a digest in a reference": {func(l *lock.Lock) { l.Images[0].Reference += "@" + string(l.Images[0].Digest) }, ""},
	} {
		if got := build(c.change); got != c.want {
			t.Errorf("%s: failed [%s], want [%s]", name, got, c.want)
		}
	}
}
