package verify_test

import (
	"encoding/base64"
	"strings"
	"testing"

	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/gapseal/gapseal/internal/fixture"
)

func proof(of fixture.Flavour, change func(*rekorpb.InclusionProof)) fixture.BundleStages {
	return entry(of, func(e *rekorpb.TransparencyLogEntry) { change(e.InclusionProof) })
}

// checkpoint has the log sign another text.
func checkpoint(of fixture.Flavour, from, to string) fixture.BundleStages {
	return fixture.BundleStages{Flavour: of, Body: func(m *fixture.Making) {
		m.Checkpoint = func(text string) string { return string(fixture.Swap(from, to)([]byte(text))) }
	}}
}

// note changes the checkpoint after it is signed.
func note(of fixture.Flavour, change func(string) string) fixture.BundleStages {
	return proof(of, func(p *rekorpb.InclusionProof) { p.Checkpoint.Envelope = change(p.Checkpoint.Envelope) })
}

func witness(line string) func(string) string { return func(s string) string { return s + line } }

func hashes(change func([][]byte) [][]byte) func(*rekorpb.InclusionProof) {
	return func(p *rekorpb.InclusionProof) { p.Hashes = change(p.Hashes) }
}

// both makes a case for each generation of Rekor.
func both(name string, make func(of fixture.Flavour) fixture.BundleStages, want string) []modern {
	return []modern{{name: "Rekor v1: " + name, made: make(rekor1), want: want}, {name: "Rekor v2: " + name, made: make(rekor2), want: want}}
}

func TestInclusionProofThreats(t *testing.T) {
	of := func(change func(*rekorpb.InclusionProof)) func(fixture.Flavour) fixture.BundleStages {
		return func(f fixture.Flavour) fixture.BundleStages { return proof(f, change) }
	}
	var cases []modern
	for _, c := range [][]modern{
		both("hash flipped", of(hashes(func(h [][]byte) [][]byte { h[1][0] ^= 1; return h })), "rekor.inclusion"),
		both("hash of another length", of(hashes(func(h [][]byte) [][]byte { h[1] = h[1][1:]; return h })), "rekor.inclusion"),
		both("too short", of(hashes(func(h [][]byte) [][]byte { return h[1:] })), "rekor.inclusion"),
		both("too long", of(hashes(func(h [][]byte) [][]byte { return append(h, h[0]) })), "rekor.inclusion"),
		both("no hashes", of(hashes(func([][]byte) [][]byte { return nil })), "rekor.inclusion"),
		both("hashes in another order", of(hashes(func(h [][]byte) [][]byte { h[0], h[1] = h[1], h[0]; return h })), "rekor.inclusion"),
		both("tree size wrong", of(func(p *rekorpb.InclusionProof) { p.TreeSize++ }), "rekor.checkpoint"),
		both("tree size zero", of(func(p *rekorpb.InclusionProof) { p.TreeSize = 0 }), "rekor.inclusion rekor.checkpoint"),
		both("tree size negative", of(func(p *rekorpb.InclusionProof) { p.TreeSize = -7 }), "rekor.inclusion rekor.checkpoint"),
		both("root hash flipped", of(func(p *rekorpb.InclusionProof) { p.RootHash[0] ^= 1 }), "rekor.inclusion rekor.checkpoint"),
		both("no checkpoint", of(func(p *rekorpb.InclusionProof) { p.Checkpoint = nil }), "rekor.encoding rekor.checkpoint"),
		{{name: "Rekor v1: index wrong", made: proof(rekor1, func(p *rekorpb.InclusionProof) { p.LogIndex-- }), want: "rekor.inclusion"}},
		{{name: "Rekor v2: index wrong", made: proof(rekor2, func(p *rekorpb.InclusionProof) { p.LogIndex-- }), want: "rekor.encoding rekor.inclusion"}},
		{{name: "Rekor v2: index wrong in both places", want: "rekor.inclusion", made: entry(rekor2, func(e *rekorpb.TransparencyLogEntry) {
			e.LogIndex--
			e.InclusionProof.LogIndex--
		})}},
		{{name: "proof of another body's entry", want: "rekor.inclusion", made: fixture.BundleStages{Entry: func(m *fixture.Making) {
			other := *m
			other.Body = append([]byte(" "), m.Body...)
			m.Entry.InclusionProof = m.By.Log1(&other).InclusionProof
		}}}},
	} {
		cases = append(cases, c...)
	}
	modernThreats(t, "rekor", cases)
}

func TestCheckpointThreats(t *testing.T) {
	edit := func(change func(string) string) func(fixture.Flavour) fixture.BundleStages {
		return func(f fixture.Flavour) fixture.BundleStages { return note(f, change) }
	}
	signed := func(from, to string) func(fixture.Flavour) fixture.BundleStages {
		return func(f fixture.Flavour) fixture.BundleStages { return checkpoint(f, from, to) }
	}
	text := func(s string) string { text, _, _ := strings.Cut(s, "\n\n"); return text + "\n\n" }
	signature := func(change func(sig []byte)) func(string) string {
		return func(s string) string {
			at := strings.LastIndexByte(s, ' ') + 1
			b, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(s[at:]))
			change(b)
			return s[:at] + base64.StdEncoding.EncodeToString(b) + "\n"
		}
	}
	line := func(s string) string { return s[strings.Index(s, "\n\n")+2:] }
	var cases []modern
	for _, c := range [][]modern{
		both("checkpoint size is not the proof's tree size", signed("\n7\n", "\n8\n"), "rekor.checkpoint"),
		both("checkpoint size in another spelling", signed("\n7\n", "\n07\n"), "rekor.checkpoint"),
		both("checkpoint of an origin that did not sign it", signed("rekor.example.com", "rekor.example.org"), "rekor.checkpoint"),
		both("checkpoint changed after it was signed", edit(func(s string) string { return string(fixture.Swap("\n7\n", "\n8\n")([]byte(s))) }), "rekor.checkpoint"),
		both("signature bad", edit(signature(func(b []byte) { b[len(b)-1] ^= 1 })), "rekor.checkpoint"),
		both("key hint bad", edit(signature(func(b []byte) { b[0] ^= 1 })), "rekor.checkpoint"),
		both("no signature", edit(text), "rekor.checkpoint"),
		both("empty", edit(func(string) string { return "" }), "rekor.encoding rekor.checkpoint"),
		both("a second signature under the log's key id", edit(func(s string) string { return s + signature(func(b []byte) { b[9] ^= 1 })(line(s)) }), "rekor.checkpoint"),
		both("the same signature twice", edit(func(s string) string { return s + line(s) }), "rekor.checkpoint"),
		both("more text below the signatures", edit(func(s string) string { return s + "covert\n" }), "rekor.checkpoint"),
	} {
		cases = append(cases, c...)
	}
	const warn = "policy.reference-unbound"
	unpinned := fixture.NoteLine("witness.example.org", []byte{1, 2, 3, 4}, make([]byte, 64))
	namesake := fixture.NoteLine(fixture.Rekor1Name, []byte{1, 2, 3, 4}, make([]byte, 64))
	cases = append(cases, []modern{
		{name: "extra unknown witness line", made: note(rekor1, witness(unpinned)), warn: warn},
		{name: "Rekor v2: extra unknown witness line", made: note(rekor2, witness(unpinned)), warn: warn},
		{name: "a witness that calls itself like the log", made: note(rekor1, witness(namesake)), warn: warn},
		{name: "Rekor v2: the log's key under another name", want: "rekor.checkpoint", made: fixture.BundleStages{Flavour: rekor2, Entry: func(m *fixture.Making) {
			const name = "log.example.org"
			m.Entry.InclusionProof.Checkpoint.Envelope = m.By.Note2(name, m.Entry.InclusionProof)
		}}},
	}...)
	modernThreats(t, "rekor", cases)
}
