package verify_test

import (
	"testing"

	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

func twoLogs(o *verify.Options)   { o.RequireLogs = 2 }
func twoStamps(o *verify.Options) { o.RequireTimestamps = 2 }

// inBothLogs adds the entry of a second log, of Rekor v2.
var inBothLogs = fixture.BundleStages{Bundle: func(m *fixture.Making) {
	second := *m
	second.Kind, second.Version = "dsse", "0.0.2"
	second.Body = second.LogBody("dsse", "0.0.2")
	v := m.Bundle.VerificationMaterial
	v.TlogEntries = append(v.TlogEntries, m.By.Log2(&second))
}}

// oneUnproven removes the proof and the promise of the first log's entry, which the
// proof of the other entry does not cover.
var oneUnproven = fixture.BundleStages{Bundle: func(m *fixture.Making) {
	inBothLogs.Bundle(m)
	first := m.Bundle.VerificationMaterial.TlogEntries[0]
	first.InclusionPromise, first.InclusionProof, first.IntegratedTime = nil, nil, 0
}}

// TestLogThreshold: one log counts once, however many are demanded.
func TestLogThreshold(t *testing.T) {
	modernThreats(t, "rekor", []modern{
		{name: "two logs", made: inBothLogs, opt: twoLogs},
		{name: "two demanded, one log", opt: twoLogs, want: "rekor.threshold"},
		{name: "two demanded, one of them unproven", made: oneUnproven, opt: twoLogs, want: "rekor.encoding rekor.threshold"},
		{name: "two demanded, the second log not trusted", made: inBothLogs, opt: twoLogs, root: func(r *trustroot.TrustedRoot) { r.Tlogs = r.Tlogs[:1] }, want: "rekor.threshold"},
		{name: "one demanded, the second log not trusted", made: inBothLogs, root: func(r *trustroot.TrustedRoot) { r.Tlogs = r.Tlogs[:1] }},
	})
}

// TestTimestampThreshold: two tokens of one authority count once.
func TestTimestampThreshold(t *testing.T) {
	other := fixture.NewSigstore(t).TSA
	second := func(by []*fixture.Authority) fixture.BundleStages {
		return token(func(m *fixture.Making, _ *fixture.Token) {
			m.Tokens = append(m.Tokens, fixture.NewToken(by[0], m.Signature).Make())
		})
	}
	trustBoth := func(r *trustroot.TrustedRoot) {
		r.TimestampAuthorities = append(r.TimestampAuthorities, fixture.TrustedAuthority("https://tsa.other.example", other))
	}
	modernThreats(t, "tsa", []modern{
		{name: "two authorities", made: second(other), root: trustBoth, opt: twoStamps},
		{name: "two tokens of same TSA for threshold 2", made: second(sigstore().TSA), opt: twoStamps, want: "tsa.threshold"},
		{name: "one token for threshold 2", made: fixture.BundleStages{Flavour: stamped}, opt: twoStamps, want: "tsa.threshold"},
		{name: "no token for threshold 2", opt: twoStamps, want: "tsa.threshold"},
	})
}
