package verify_test

import (
	"slices"
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
	return verify.Domain{Logs: root.Logs, CAs: root.CAs, CTLogs: root.CTLogs, TSAs: root.TSAs}
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

// One key under two ids is one log.
func TestOneKeyIsOneLog(t *testing.T) {
	made := fixture.BundleStages{}
	raw, opt := (&modern{made: made}).build()
	opt.RequireLogs = 2
	twin := opt.Logs[0]
	twin.ID = twin.ID[1:] + "0"
	opt.Logs = append(opt.Logs, twin)
	answers(t, raw, opt, "rekor", "rekor.threshold", "")
}

// A log of Rekor v1 may sign under a name that nothing ties to it, which is noted.
func TestNameOfACheckpointIsReported(t *testing.T) {
	raw, opt := (&modern{}).build()
	noted := func() bool {
		rep := fixture.Verify(t, raw, opt)
		if rep.Verdict != check.Verified {
			t.Errorf("failed %v", fixture.Failed(rep))
		}
		return slices.ContainsFunc(rep.Checks, func(c verify.Check) bool {
			return c.ID == check.RekorCheckpoint && c.Status == check.Skip
		})
	}
	for i := range opt.Logs {
		opt.Logs[i].Name = ""
	}
	if !noted() {
		t.Error("a log without a name: nothing is noted")
	}
	for i := range opt.Logs {
		opt.Logs[i].Name = "another.example"
	}
	if !noted() {
		t.Error("a log of another name: nothing is noted")
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
