package verify_test

import (
	"strings"
	"testing"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/gapseal/gapseal/internal/fixture"
)

func TestBundleLimits(t *testing.T) {
	entries := func(n int) fixture.BundleStages {
		return fixture.BundleStages{Bundle: func(m *fixture.Making) {
			v := m.Bundle.VerificationMaterial
			for range n - 1 {
				v.TlogEntries = append(v.TlogEntries, m.Entry)
			}
		}}
	}
	stamped := fixture.Flavour{Stamped: true}
	tokens := func(change func(m *fixture.Making, list []*common.RFC3161SignedTimestamp) []*common.RFC3161SignedTimestamp) fixture.BundleStages {
		return fixture.BundleStages{Flavour: stamped, Bundle: func(m *fixture.Making) {
			data := m.Bundle.VerificationMaterial.TimestampVerificationData
			data.Rfc3161Timestamps = change(m, data.Rfc3161Timestamps)
		}}
	}
	padded := func(n int) func(m *fixture.Making) []byte {
		return func(m *fixture.Making) []byte { return append(m.Body, strings.Repeat(" ", n)...) }
	}
	line := fixture.NoteLine("witness.example.org", []byte{1, 2, 3, 4}, make([]byte, 64))
	modernThreats(t, "limit", []modern{
		{name: "33 tlog entries", made: entries(33), want: "limit.log-entry"},
		{name: "1000 tlog entries", made: entries(1000), want: "limit.log-entry"},
		{name: "huge proof list", made: proof(rekor1, hashes(func(h [][]byte) [][]byte {
			for len(h) < 100_000 {
				h = append(h, h[0])
			}
			return h
		})), want: "limit.log-entry"},
		{name: "10^6 hashes, which make the evidence too large to be judged", made: proof(rekor1, hashes(func(h [][]byte) [][]byte {
			for len(h) < 1_000_000 {
				h = append(h, h[0])
			}
			return h
		})), want: "limit.evidence"},
		{name: "a body that makes the evidence too large to be judged", made: logs(rekor1, padded(17<<20)), want: "limit.evidence"},
		{name: "proof list over the budget by one", made: proof(rekor2, hashes(func(h [][]byte) [][]byte {
			for len(h) < 65 {
				h = append(h, h[0])
			}
			return h
		})), want: "limit.log-entry"},
		{name: "huge body", made: logs(rekor1, padded(1<<20)), want: "limit.log-entry"},
		{name: "Rekor v2: huge body", made: logs(rekor2, padded(1<<20)), want: "limit.log-entry"},
		{name: "checkpoint with a flood of witnesses", made: note(rekor1, witness(strings.Repeat(line, 1000))), want: "limit.log-entry"},
		{name: "33 timestamps", want: "limit.evidence", made: tokens(func(_ *fixture.Making, list []*common.RFC3161SignedTimestamp) []*common.RFC3161SignedTimestamp {
			for len(list) < 33 {
				list = append(list, list[0])
			}
			return list
		})},
		{name: "an envelope with a flood of signatures", want: "limit.evidence", made: fixture.BundleStages{Bundle: func(m *fixture.Making) {
			env := m.Bundle.GetDsseEnvelope()
			for len(env.Signatures) < 1000 {
				env.Signatures = append(env.Signatures, env.Signatures[0])
			}
		}}},
		{name: "a statement that nests", want: "limit.nesting", made: fixture.BundleStages{Claim: func(m *fixture.Making) {
			m.Payload = fixture.Swap(`"predicate":{}`, `"predicate":{"a":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`}`)(m.Payload)
		}}},
	})
	modernThreats(t, "rekor", []modern{
		{name: "32 tlog entries are within the budget, and duplicates", made: entries(32), want: "rekor.duplicate"},
	})
}
