package verify_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// domain returns what a Sigstore's trusted root vouches for.
func domain(s *fixture.Sigstore, change func(*trustroot.TrustedRoot)) verify.Domain {
	root, err := trust.ParseTrustedRoot(s.TrustedRoot(change))
	if err != nil {
		panic(err)
	}
	return verify.Domain{Logs: root.Logs, CAs: root.CAs, CTLogs: root.CTLogs, TSAs: root.TSAs,
		NoLogs: root.NoLogs(), NoCTLogs: root.NoCTLogs()}
}

// beside trusts further domains.
func beside(more ...verify.Domain) func(*verify.Options) {
	return func(o *verify.Options) { o.More = more }
}

// A second instance, whose root may list no log, is trusted beside the first. Who
// issued the certificate decides which of them judges.
func TestDomainThreats(t *testing.T) {
	other := fixture.NewSigstore(t)
	logged := fixture.Flavour{Keyless: true}
	unlogged := fixture.Flavour{Keyless: true, Stamped: true, Unlogged: true}
	noLogs := func(r *trustroot.TrustedRoot) { r.Tlogs, r.Ctlogs = nil, nil }
	onlyLogs := func(r *trustroot.TrustedRoot) { r.CertificateAuthorities = nil }
	noCAs := domain(other, onlyLogs)
	noTSAs := domain(other, func(r *trustroot.TrustedRoot) { noLogs(r); r.TimestampAuthorities = nil })
	modernThreats(t, "cert", []modern{
		{name: "of the first", made: fixture.BundleStages{Flavour: logged}, opt: beside(domain(other, nil))},
		{name: "of the second", by: other, made: fixture.BundleStages{Flavour: logged}, opt: beside(domain(other, nil))},
		{name: "of a second that has no log, stamped", by: other, made: fixture.BundleStages{Flavour: unlogged},
			opt: beside(domain(other, noLogs))},
		{name: "of a second that has no log, logged by itself", by: other, opt: beside(domain(other, noLogs)),
			made: fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true, Stamped: true}}},
		{name: "of a second that has no log, not stamped", by: other, opt: beside(domain(other, noLogs)), want: "cert.chain",
			made: fixture.BundleStages{Flavour: fixture.Flavour{Keyless: true, Unlogged: true}}},
		{name: "of a second that has no log, stamped by the first", by: other, want: "cert.chain",
			made: fixture.BundleStages{Flavour: unlogged}, opt: beside(noTSAs)},
		{name: "the second lists no authority", by: other, made: fixture.BundleStages{Flavour: logged},
			opt: beside(noCAs), want: "cert.chain"},
	})
	modernThreats(t, "rekor", []modern{
		{name: "of the first, without a log entry", made: fixture.BundleStages{Flavour: unlogged},
			opt: beside(domain(other, noLogs)), want: "rekor.present"},
	})
	modernThreats(t, "trust", []modern{
		{name: "of the first, logged by the second", made: fixture.BundleStages{Flavour: logged},
			root: func(r *trustroot.TrustedRoot) { r.Tlogs = nil },
			opt: func(o *verify.Options) {
				o.Logs = domain(other, nil).Logs
				o.More = []verify.Domain{{Logs: domain(sigstore(), nil).Logs}}
			}, want: "trust.log cert.chain"},
	})
}

// One key under two log ids is one log, however many entries it has signed under
// each. In Rekor v2 the id depends on the name, so that every name gives another one.
func TestOneKeyIsOneLog(t *testing.T) {
	const name = "log.other.example"
	twinID := fixture.NoteKeyID(name, sigstore().Rekor2)
	twin := func(o *verify.Options) {
		i := slices.IndexFunc(o.Logs, func(l trust.Log) bool { return l.Name == fixture.Rekor2Name })
		other := o.Logs[i]
		other.Name, other.ID = name, hex.EncodeToString(twinID)
		o.Logs = append(o.Logs, other)
	}
	twice := fixture.BundleStages{Flavour: rekor2, Bundle: func(m *fixture.Making) {
		e := m.By.Log2(m)
		e.LogId.KeyId = twinID
		e.InclusionProof.Checkpoint.Envelope = m.By.Note2(name, e.InclusionProof)
		v := m.Bundle.VerificationMaterial
		v.TlogEntries = append(v.TlogEntries, e)
	}}
	modernThreats(t, "rekor", []modern{
		{name: "two ids, one log demanded", made: twice, opt: twin},
		{name: "two ids, two logs demanded", made: twice, opt: func(o *verify.Options) { twin(o); o.RequireLogs = 2 },
			want: "rekor.threshold"},
	})
}

// A log of Rekor v1 may sign under a name that nothing ties to it, which is noted. The
// name is compared where the root is known to give it: the built-in one, and for
// Rekor v2, whose specification derives it from the URL.
func TestNameOfACheckpoint(t *testing.T) {
	call := func(name, source string) func(*verify.Options) {
		return func(o *verify.Options) {
			for i := range o.Logs {
				o.Logs[i].Name, o.Logs[i].Source = name, source
			}
		}
	}
	const unbound = "policy.reference-unbound"
	v1, v2 := fixture.BundleStages{}, fixture.BundleStages{Flavour: rekor2}
	signedAs := func(of fixture.Flavour, name string) fixture.BundleStages {
		return fixture.BundleStages{Flavour: of, Entry: func(m *fixture.Making) {
			m.Entry.InclusionProof.Checkpoint.Envelope = m.By.Note2(name, m.Entry.InclusionProof)
		}}
	}
	cases := []modern{
		{name: "Rekor v1, its own name", made: v1, warn: unbound},
		{name: "Rekor v1, given by key", made: v1, opt: call("", trust.SourceFile), warn: unbound},
		{name: "Rekor v1, another name in a root", made: v1, opt: call("another.example", trust.SourceFile),
			warn: unbound},
		{name: "Rekor v1, another name in the built-in root", made: v1, opt: call("another.example", trust.SourceBuiltin),
			want: "rekor.checkpoint"},
		{name: "Rekor v1, a name that only begins alike", made: v1, opt: call(fixture.Rekor1Name[:8], trust.SourceBuiltin),
			want: "rekor.checkpoint"},
		{name: "Rekor v1, an origin that is not the signer's", want: "rekor.checkpoint", opt: call("", trust.SourceFile),
			made: checkpoint(rekor1, fixture.Rekor1Name, "rekor.example.org")},
		{name: "Rekor v2, given by key", made: v2, opt: call("", trust.SourceFile), warn: unbound},
		{name: "Rekor v2, another name in a root", made: v2, opt: call("another.example", trust.SourceFile), want: "rekor.checkpoint"},
		{name: "Rekor v2, signed under another name", made: signedAs(rekor2, "log.example.org"), want: "rekor.checkpoint"},
	}
	modernThreats(t, "rekor", cases)
	for _, c := range cases {
		raw, opt := c.build()
		noted := slices.ContainsFunc(fixture.Verify(t, raw, opt).Checks, func(f verify.Check) bool {
			return f.ID == check.RekorCheckpoint && f.Status == check.Skip && strings.Contains(f.Detail, "under a name that is not")
		})
		if unnamed := c.opt != nil && c.want == ""; noted != unnamed {
			t.Errorf("%s: noted %t, want %t", c.name, noted, unnamed)
		}
	}
}

// From 12 months on, by the time of verification, the built-in root is a warning.
func TestAgeOfTheBuiltInRoot(t *testing.T) {
	raw, opt := (&modern{}).build()
	own := opt.Logs
	for days, status := range map[int]check.Status{-30: check.Pass, 0: check.Pass, 365: check.Pass, 366: check.Warn} {
		opt.Logs = append(trust.BuiltinLogs(), own...)
		opt.At = trust.BuiltinCurrent.AddDate(0, 0, days)
		rep := fixture.Verify(t, raw, opt)
		if !slices.ContainsFunc(rep.Checks, func(c verify.Check) bool {
			return c.ID == check.TrustRootAge && c.Status == status
		}) {
			t.Errorf("%d days: no %s", days, status)
		}
	}
	opt.Logs = own
	rep := fixture.Verify(t, raw, opt)
	if slices.ContainsFunc(rep.Checks, func(c verify.Check) bool { return c.ID == check.TrustRootAge }) {
		t.Error("the age of a root that is not used")
	}
}
