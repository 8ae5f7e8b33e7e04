package verify_test

import (
	"testing"
	"time"

	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

func TestLogEntriesTogether(t *testing.T) {
	add := func(more func(m *fixture.Making) *rekorpb.TransparencyLogEntry) fixture.BundleStages {
		return fixture.BundleStages{Bundle: func(m *fixture.Making) {
			v := m.Bundle.VerificationMaterial
			v.TlogEntries = append(v.TlogEntries, more(m))
		}}
	}
	inRekor2 := func(change func(*fixture.Making)) func(m *fixture.Making) *rekorpb.TransparencyLogEntry {
		return func(m *fixture.Making) *rekorpb.TransparencyLogEntry {
			other := *m
			other.Kind, other.Version = "dsse", "0.0.2"
			change(&other)
			other.Body = other.LogBody("dsse", "0.0.2")
			return other.By.Log2(&other)
		}
	}
	modernThreats(t, "rekor", []modern{
		{name: "duplicate tlog entries; threshold 2 by same log (CVE-2026-49834)", made: add(func(m *fixture.Making) *rekorpb.TransparencyLogEntry { return m.Entry }), want: "rekor.duplicate"},
		{name: "the same body logged twice", made: add(func(m *fixture.Making) *rekorpb.TransparencyLogEntry {
			other := *m
			other.At = m.At.Add(time.Second)
			e := m.By.Log1(&other)
			e.LogIndex++
			return e
		}), want: "rekor.duplicate"},
		{name: "entries of two logs", made: add(inRekor2(func(*fixture.Making) {})), warn: "policy.reference-unbound"},
		{name: "a second entry about something else", made: add(inRekor2(unrelated)), want: "rekor.payload rekor.signature"},
	})
	modernThreats(t, "trust", []modern{
		{name: "a second entry of a log that is not trusted", warn: "policy.reference-unbound", made: add(inRekor2(func(m *fixture.Making) { m.By = fixture.NewSigstore(t) }))},
	})
}

func TestBundleLogTrustThreats(t *testing.T) {
	private := sigstore().With(func(s *fixture.Sigstore) {
		other := fixture.NewSigstore(t)
		s.Rekor1, s.Rekor2 = other.Rekor1, other.Rekor2
	})
	const untimed = " cert.chain" // a log that is not trusted proves no time
	modernThreats(t, "trust", []modern{
		{name: "keyless: private rekor", by: private, made: fixture.BundleStages{Flavour: keyless}, want: "trust.log" + untimed},
		{name: "keyless: private Rekor v2", by: private, made: fixture.BundleStages{Flavour: keylessRekor2}, want: "trust.log"},
		{name: "keyless: key expired when it was logged", root: logWindow(0, -time.Hour, -time.Second), made: fixture.BundleStages{Flavour: keyless}, want: "trust.validity" + untimed},
		{name: "private rekor", by: private, want: "trust.log"},
		{name: "private Rekor v2", by: private, made: fixture.BundleStages{Flavour: rekor2}, want: "trust.log"},
		{name: "key expired when it was logged (CVE-2026-54787)", root: logWindow(0, -time.Hour, -time.Second), want: "trust.validity"},
		{name: "key not yet valid when it was logged", root: logWindow(0, time.Second, time.Hour), want: "trust.validity"},
		{name: "both ends of the window belong to it", root: logWindow(0, 0, 0)},
		{name: "Rekor v2 without a time: judged by now", root: logWindow(1, -time.Hour, time.Hour), made: fixture.BundleStages{Flavour: rekor2}, want: "trust.validity"},
		{name: "Rekor v2: judged by the timestamp", root: logWindow(1, -time.Hour, time.Hour), made: fixture.BundleStages{Flavour: fixture.Flavour{Rekor2: true, Stamped: true}}},
		{name: "Rekor v2: key expired when it was stamped", root: logWindow(1, -time.Hour, -time.Second), made: fixture.BundleStages{Flavour: fixture.Flavour{Rekor2: true, Stamped: true}}, want: "trust.validity"},
	})
	modernThreats(t, "rekor", []modern{
		{name: "a private rekor's entry under a trusted log's id", by: private, want: "rekor.set rekor.checkpoint",
			made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) { e.LogId.KeyId = sigstore().Rekor1ID() })},
	})
	waive := func(o *verify.Options) { o.IgnoreTlog = true }
	modernThreats(t, "rekor", []modern{
		{name: "a log entry that is present and wrong, under --insecure-ignore-tlog", opt: waive, made: proof(rekor2, func(p *rekorpb.InclusionProof) { p.RootHash[0] ^= 1 }), want: "rekor.inclusion rekor.checkpoint"},
	})
}

// logWindow sets the validity of one of the logs.
func logWindow(i int, from, to time.Duration) func(*trustroot.TrustedRoot) {
	return func(r *trustroot.TrustedRoot) { r.Tlogs[i].PublicKey.ValidFor = fixture.Window(from, to) }
}
