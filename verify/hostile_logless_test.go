package verify_test

import (
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"testing"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// logless trusts, beside others, an instance whose root lists no log of either kind.
func logless(s *fixture.Sigstore) []verify.Domain {
	return []verify.Domain{domain(s, func(r *trustroot.TrustedRoot) { r.Tlogs, r.Ctlogs = nil, nil })}
}

// signed attaches a signature by s to an image that has none.
func signed(s *fixture.Sigstore, st fixture.BundleStages) []byte {
	f := fixture.Open(strippedImages["unsigned:v1"]())
	s.AttachForge(f, 0, st)
	return f.Build()
}

func failsExactly(t *testing.T, raw []byte, opt verify.Options, want string) {
	t.Helper()
	rep := fixture.Verify(t, raw, opt)
	if got := strings.Join(fixture.Failed(rep), " "); got != want {
		t.Errorf("failed [%s], want [%s]\n%s", got, want, details(rep))
	}
}

// An instance without a log certifies any key. The certificate of a pinned key
// proves nothing, and must not excuse that key from the log.
func TestCertificateWithoutLogExcusesNoPinnedKey(t *testing.T) {
	other := fixture.NewSigstore(t)
	certified := func(m *fixture.Making) { m.Cert = other.Certify(m.Key) }
	opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
	rule := verify.Rule{Pattern: fixture.Host + "*"}
	rule.Keys, opt.Keys = opt.Keys, nil
	rule.Identities = []*cert.Policy{{SAN: "dev@else.example", Issuer: "https://other.example"}}
	opt.Policy, opt.More = &verify.Policy{Rules: []verify.Rule{rule}}, logless(other)
	unlogged := fixture.Flavour{Unlogged: true}
	failsExactly(t, signed(sigstore(), fixture.BundleStages{Flavour: unlogged, Cert: certified}), opt, "rekor.present")
	failsExactly(t, signed(sigstore(), fixture.BundleStages{Cert: certified}), opt, "")
}

// Logs of a kind that this version cannot judge are logs: an entry is owed.
func TestUnsupportedLogsAreLogs(t *testing.T) {
	unsupported := func(logs []*trustroot.TransparencyLogInstance) {
		for _, l := range logs {
			l.PublicKey.KeyDetails = common.PublicKeyDetails_PKIX_RSA_PKCS1V15_4096_SHA256
		}
	}
	raw := signed(sigstore(), fixture.BundleStages{
		Flavour: fixture.Flavour{Keyless: true, Stamped: true, Unlogged: true}})
	for name, c := range map[string]struct {
		change func(*trustroot.TrustedRoot)
		want   string
	}{
		"no logs":            {func(r *trustroot.TrustedRoot) { r.Tlogs, r.Ctlogs = nil, nil }, ""},
		"transparency logs":  {func(r *trustroot.TrustedRoot) { unsupported(r.Tlogs); r.Ctlogs = nil }, "rekor.present"},
		"certificate logs":   {func(r *trustroot.TrustedRoot) { unsupported(r.Ctlogs); r.Tlogs = nil }, "cert.sct"},
		"both":               {func(r *trustroot.TrustedRoot) { unsupported(r.Tlogs); unsupported(r.Ctlogs) }, "rekor.present cert.sct"},
		"both are supported": {nil, "rekor.present"},
	} {
		t.Run(name, func(t *testing.T) {
			failsExactly(t, raw, sigstore().Options(sigstore().TrustedRoot(c.change), true), c.want)
		})
	}
}

// An entry of a log that is not trusted is as if it had not come.
func TestInclusionInAnUnknownLogIsNone(t *testing.T) {
	keyless := fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true, Stamped: true}}
	other := fixture.NewSigstore(t)
	made := other.With(func(s *fixture.Sigstore) {
		unknown := fixture.NewSigstore(t)
		s.Rekor1, s.Rekor2 = unknown.Rekor1, unknown.Rekor2
	})
	for name, inclusion := range map[string]bool{"rekor.present": true, "": false} {
		byKey := sigstore().Options(sigstore().TrustedRoot(nil), false)
		byKey.RequireInclusion = inclusion
		rule := verify.Rule{Pattern: fixture.Host + "*"}
		rule.LogOptional = true
		byKey.Policy = &verify.Policy{Rules: []verify.Rule{rule}}
		failsExactly(t, signed(elsewhere(t), fixture.BundleStages{}), byKey, name)

		opt := sigstore().Options(sigstore().TrustedRoot(nil), true)
		opt.RequireInclusion, opt.More = inclusion, logless(other)
		failsExactly(t, signed(made, keyless), opt, name)
	}
}

// Two roots may be of one instance: the older one first, which does not know the log
// of the entry; or one that lists no log at all, which excuses nothing.
func TestTwoRootsOfOneInstance(t *testing.T) {
	other := fixture.NewSigstore(t)
	older := sigstore().With(func(s *fixture.Sigstore) { s.Rekor1, s.Rekor2 = other.Rekor1, other.Rekor2 })
	flavour := fixture.Flavour{Keyless: true, Stamped: true}
	raw := signed(sigstore(), fixture.BundleStages{Flavour: flavour})
	opt := sigstore().Options(older.TrustedRoot(nil), true)
	opt.More = []verify.Domain{domain(sigstore(), nil)}
	failsExactly(t, raw, opt, "")

	flavour.Unlogged = true
	raw = signed(sigstore(), fixture.BundleStages{Flavour: flavour})
	opt = sigstore().Options(sigstore().TrustedRoot(func(r *trustroot.TrustedRoot) { r.Tlogs, r.Ctlogs = nil, nil }), true)
	failsExactly(t, raw, opt, "")
	opt.More = []verify.Domain{domain(sigstore(), nil)}
	failsExactly(t, raw, opt, "rekor.present")
}

// A Sigstore bundle holds a certificate in DER, so that all readers read the same.
func TestCertificateInPEM(t *testing.T) {
	raw := signed(sigstore(), fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true}, Cert: func(m *fixture.Making) {
		m.Cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: m.Cert})
	}})
	rep := fixture.Verify(t, raw, sigstore().Options(sigstore().TrustedRoot(nil), true))
	if got := fixture.Failed(rep); len(got) == 0 || got[0] != "cert.encoding" {
		t.Errorf("failed %v", got)
	}
}

// A policy that refuses the built-in root refuses nothing where no root is needed.
func TestBuiltInRootWhereNoneIsNeeded(t *testing.T) {
	for want, logged := range map[string]bool{"": false, "policy.built-in-root": true} {
		opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
		for i := range opt.Logs {
			opt.Logs[i].Source = trust.SourceBuiltin
		}
		rule := verify.Rule{Pattern: fixture.Host + "*"}
		rule.LogOptional = !logged
		opt.Policy = &verify.Policy{Rules: []verify.Rule{rule}, RefuseBuiltInRoot: true}
		failsExactly(t, signed(sigstore(), fixture.BundleStages{}), opt, want)
	}
}

// mentionAgain names a child of an index once more, for another platform.
func mentionAgain(platform map[string]any) func(string) string {
	return func(raw string) string {
		var index map[string]any
		_ = json.Unmarshal([]byte(raw), &index)
		list := index["manifests"].([]any)
		child := maps.Clone(list[0].(map[string]any))
		child["platform"] = platform
		index["manifests"] = append(list, child)
		edited, _ := json.Marshal(index)
		return string(edited)
	}
}

// What an index says of a platform is nothing that an attestation of the platform
// vouches for; of a signed index it is the publisher's word, and worth a warning.
func TestIndexNamesAnotherPlatform(t *testing.T) {
	for name, c := range map[string]struct {
		by   check.VouchedBy
		want string
	}{
		"unsigned": {check.VouchedByPlatformAttestation, "policy.platform-attestation"},
		"attested": {check.VouchedByAttestation, ""},
	} {
		f := fixture.Open(strippedImages["multi:v1"]())
		f.Edit(f.Inventory.Images[0].Digest, mentionAgain(map[string]any{"os": "linux", "architecture": "s390x"}))
		f.Inventory.Images[0].Platforms = append(f.Inventory.Images[0].Platforms, "linux/s390x")
		if c.by == check.VouchedByAttestation {
			sigstore().AttachForge(f, 0, claims(predicateSLSA))
		}
		for _, p := range f.Platforms(0) {
			sigstore().AttachTo(f, 0, p, claims(predicateSLSA))
		}
		opt := sigstore().Options(sigstore().TrustedRoot(nil), false)
		opt.Vouch = []verify.Vouch{{By: c.by, Name: "slsa", PredicateType: predicateSLSA}}
		opt.Platforms = []oci.Platform{{OS: "linux", Architecture: "s390x"}}
		t.Run(name, func(t *testing.T) {
			rep := fixture.Verify(t, f.Build(), opt)
			if got := strings.Join(fixture.Failed(rep), " "); got != c.want {
				t.Errorf("failed [%s], want [%s]", got, c.want)
			}
			if got := fixture.Warned(rep)[0]; got != "config.platform" {
				t.Errorf("warned first of %s", got)
			}
		})
	}
}
