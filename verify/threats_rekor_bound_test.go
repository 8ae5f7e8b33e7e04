package verify_test

import (
	"crypto/elliptic"
	"testing"
	"time"

	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/gapseal/gapseal/internal/fixture"
)

var (
	rekor1  = fixture.Flavour{}
	rekor2  = fixture.Flavour{Rekor2: true}
	message = fixture.Flavour{Message: true}
)

// entry changes a log entry after the log has returned it.
func entry(of fixture.Flavour, change func(*rekorpb.TransparencyLogEntry)) fixture.BundleStages {
	return fixture.BundleStages{Flavour: of, Entry: func(m *fixture.Making) { change(m.Entry) }}
}

// logs enters another well-formed body in the log.
func logs(of fixture.Flavour, make func(m *fixture.Making) []byte) fixture.BundleStages {
	return fixture.BundleStages{Flavour: of, Body: func(m *fixture.Making) { m.Body = make(m) }}
}

// about logs a changed copy of what was signed.
func about(of fixture.Flavour, change func(*fixture.Making)) fixture.BundleStages {
	return logs(of, func(m *fixture.Making) []byte {
		other := *m
		change(&other)
		return other.LogBody(m.Kind, m.Version)
	})
}

func unrelated(m *fixture.Making) {
	m.Payload = append([]byte("x"), m.Payload...)
	m.Sign()
}

func otherSigner(m *fixture.Making) { m.Key = ecdsaKey(elliptic.P256()) }

// loggedAs logs the signature under a kind and version.
func loggedAs(of fixture.Flavour, kind, version string) fixture.BundleStages {
	return logs(of, func(m *fixture.Making) []byte {
		m.Kind, m.Version = kind, version
		return m.LogBody(kind, version)
	})
}

// called changes the kind and version of a body and of its entry, and nothing else.
func called(of fixture.Flavour, kind, version string) fixture.BundleStages {
	return logs(of, func(m *fixture.Making) []byte {
		b := fixture.Swap(`"kind":"`+m.Kind+`"`, `"kind":"`+kind+`"`)(m.Body)
		b = fixture.Swap(`"apiVersion":"`+m.Version+`"`, `"apiVersion":"`+version+`"`)(b)
		m.Kind, m.Version = kind, version
		return b
	})
}

func TestBundleRekorBindingThreats(t *testing.T) {
	var cases []modern
	for name, of := range map[string]fixture.Flavour{
		"envelope in Rekor v1: ": rekor1, "envelope in Rekor v2: ": rekor2,
		"message in Rekor v1: ": message, "message in Rekor v2: ": {Message: true, Rekor2: true},
	} {
		cases = append(cases, []modern{
			{name: name + "valid entry of unrelated artifact (CVE-2026-22703)", made: about(of, unrelated), want: "rekor.payload rekor.signature"},
			{name: name + "body payload differs", made: about(of, func(m *fixture.Making) { m.Payload = append([]byte("x"), m.Payload...) }), want: "rekor.payload"},
			{name: name + "body signature differs (second signature over same payload, CVE-2022-36056)", made: about(of, (*fixture.Making).Sign), want: "rekor.signature"},
			{name: name + "body public key differs (other valid key)", made: about(of, otherSigner), want: "rekor.key"},
		}...)
	}
	cases = append(cases, []modern{
		{name: "SET from other entry (CVE-2022-23649)", want: "rekor.set", made: fixture.BundleStages{Entry: func(m *fixture.Making) {
			other := *m
			other.At = m.At.Add(time.Second)
			m.Entry.InclusionPromise = m.By.Log1(&other).InclusionPromise
		}}},
		{name: "logIndex changed", made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) { e.LogIndex++ }), want: "rekor.set"},
		{name: "logID changed to that of another trusted log", made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) {
			e.LogId.KeyId = fixture.NoteKeyID(fixture.Rekor2Name, sigstore().Rekor2)
		}), want: "rekor.set rekor.checkpoint"},
		{name: "Rekor v2: logID changed to that of another trusted log", made: entry(rekor2, func(e *rekorpb.TransparencyLogEntry) { e.LogId.KeyId = sigstore().Rekor1ID() }), want: "rekor.checkpoint"},
		{name: "logID shortened to what a checkpoint bears", made: entry(rekor2, func(e *rekorpb.TransparencyLogEntry) { e.LogId.KeyId = e.LogId.KeyId[:4] }), want: "rekor.encoding trust.log"},
		{name: "no log entry", made: fixture.BundleStages{Flavour: fixture.Flavour{}, Bundle: func(m *fixture.Making) { m.Bundle.VerificationMaterial.TlogEntries = nil }}, want: "rekor.present"},
		{name: "integrated time in the future of this host", made: fixture.BundleStages{Body: func(m *fixture.Making) { m.At = m.At.Add(48 * time.Hour) }}, want: "rekor.time"},
		{name: "an envelope in a hashedrekord of Rekor v2", made: loggedAs(rekor2, "hashedrekord", "0.0.2")},
	}...)
	modernThreats(t, "rekor", cases)
}

func TestBundleRekorKindThreats(t *testing.T) {
	modernThreats(t, "rekor", []modern{
		{name: "entry kind dsse for message signature", made: loggedAs(message, "dsse", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind dsse of Rekor v2 for message signature", made: loggedAs(fixture.Flavour{Message: true, Rekor2: true}, "dsse", "0.0.2"), want: "rekor.kind"},
		{name: "entry kind intoto for message signature", made: loggedAs(message, "intoto", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind hashedrekord 0.0.1 for an envelope", made: loggedAs(rekor1, "hashedrekord", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind intoto 0.0.1, which holds no signature", made: loggedAs(rekor1, "intoto", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind rekord", made: called(rekor1, "rekord", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind cose", made: called(rekor1, "cose", "0.0.1"), want: "rekor.kind"},
		{name: "unknown version", made: called(rekor2, "dsse", "0.0.3"), want: "rekor.kind"},
		{name: "kind in another case", made: called(rekor1, "DSSE", "0.0.1"), want: "rekor.kind"},
		{name: "kind declared beside the body is another", made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) { e.KindVersion.Kind = "intoto" }), want: "rekor.encoding"},
		{name: "version declared beside the body is another", made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) { e.KindVersion.Version = "0.0.2" }), want: "rekor.encoding"},
		{name: "no kind declared", made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) { e.KindVersion = nil }), want: "rekor.encoding"},
		{name: "Rekor v2: integratedTime injected", made: entry(rekor2, func(e *rekorpb.TransparencyLogEntry) { e.IntegratedTime = fixture.SignedAt.Unix() }), want: "rekor.encoding"},
		{name: "Rekor v2: an entry of Rekor v1 behind it, with time and promise", made: entry(rekor2, func(e *rekorpb.TransparencyLogEntry) {
			e.IntegratedTime, e.InclusionPromise = fixture.SignedAt.Unix(), &rekorpb.InclusionPromise{SignedEntryTimestamp: []byte{1}}
		}), want: "rekor.encoding rekor.set"},
		{name: "time without a signed entry timestamp", made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) { e.InclusionPromise = nil }), want: "rekor.encoding"},
		{name: "neither proof", made: entry(rekor1, func(e *rekorpb.TransparencyLogEntry) { e.InclusionProof = nil }), want: "rekor.encoding"},
		{name: "Rekor v2: canonicalizedBody altered (sigstore-go ignores): the name of the algorithm", want: "rekor.key rekor.inclusion", made: entry(rekor2, func(e *rekorpb.TransparencyLogEntry) {
			e.CanonicalizedBody = fixture.Swap("P256_SHA_256", "P384_SHA_256")(e.CanonicalizedBody)
		})},
		{name: "Rekor v2: canonicalizedBody altered: white space", want: "rekor.encoding rekor.inclusion", made: entry(rekor2, func(e *rekorpb.TransparencyLogEntry) {
			e.CanonicalizedBody = append(e.CanonicalizedBody, '\n')
		})},
		{name: "Rekor v2: canonicalizedBody logged with white space", want: "rekor.encoding", made: logs(rekor2, func(m *fixture.Making) []byte { return append(m.Body, '\n') })},
		{name: "Rekor v2: body with another member", want: "rekor.encoding", made: logs(rekor2, func(m *fixture.Making) []byte { return fixture.Swap(`"kind":`, `"extra":1,"kind":`)(m.Body) })},
		{name: "Rekor v2: body with a duplicate key", want: "rekor.encoding", made: logs(rekor2, func(m *fixture.Making) []byte { return fixture.Swap(`"kind":`, `"kind":"dsse","kind":`)(m.Body) })},
		{name: "Rekor v2: logged by another algorithm than the key's", want: "rekor.key", made: logs(rekor2, func(m *fixture.Making) []byte { return fixture.Swap("P256_SHA_256", "P384_SHA_256")(m.Body) })},
		{name: "Rekor v2: logged by another kind of key", want: "rekor.key", made: logs(rekor2, func(m *fixture.Making) []byte {
			return fixture.Swap("PKIX_ECDSA_P256_SHA_256", "PKIX_RSA_PSS_2048_SHA256")(m.Body)
		})},
		{name: "Rekor v2: hash by another algorithm", want: "rekor.encoding", made: logs(rekor2, func(m *fixture.Making) []byte { return fixture.Swap("SHA2_256", "SHA2_512")(m.Body) })},
	})
}
