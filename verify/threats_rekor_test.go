package verify_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/trust"
)

// afterSET changes the Rekor bundle after the log has signed it.
func afterSET(change func(*fixture.RekorBundle)) []fixture.Stages {
	return one(fixture.Stages{Bundle: fixture.EditBundle(change)})
}

func text(change func([]byte) []byte) []fixture.Stages {
	return one(fixture.Stages{Bundle: change})
}

func body(change func([]byte) []byte) []fixture.Stages { return one(fixture.Stages{Body: change}) }

// instead logs another well-formed body.
func instead(makeBody func() []byte) []fixture.Stages {
	return one(fixture.Stages{Bundle: func([]byte) []byte { return publisher().Resign(makeBody(), nil) }})
}

// captured is a signature of which a case can use the payload and the base64.
func captured(use func(payload []byte, signature string) []byte) []fixture.Stages {
	var payload []byte
	return one(fixture.Stages{
		Payload: func(b []byte) []byte { payload = b; return b },
		Bundle: func([]byte) []byte {
			return publisher().Resign(use(payload, fixture.Signed(publisher().Key, payload)), nil)
		},
	})
}

// kind logs the same signature in a well-formed entry of another kind: only the
// kind is wrong.
func kind(kind, version string) []fixture.Stages {
	return body(func(b []byte) []byte {
		var e struct {
			Spec struct {
				Data      struct{ Hash json.RawMessage }
				Signature struct {
					Content   string
					PublicKey struct{ Content string }
				}
			}
		}
		if err := json.Unmarshal(b, &e); err != nil {
			panic(err)
		}
		hash, sig, key := string(e.Spec.Data.Hash), e.Spec.Signature.Content, e.Spec.Signature.PublicKey.Content
		spec := map[string]string{
			"intoto": `{"content":{"hash":` + hash + `},"publicKey":"` + key + `"}`,
			"dsse":   `{"envelopeHash":` + hash + `,"payloadHash":` + hash + `,"signatures":[{"signature":"` + sig + `","verifier":"` + key + `"}]}`,
		}[kind]
		return []byte(`{"apiVersion":"` + version + `","kind":"` + kind + `","spec":` + spec + `}`)
	})
}

// relabelled changes the kind and version of an entry and nothing else, so that
// it is not well-formed either.
func relabelled(kind, version string) []fixture.Stages {
	return body(func(b []byte) []byte {
		return fixture.Swap(`"apiVersion":"0.0.1","kind":"hashedrekord"`, `"apiVersion":"`+version+`","kind":"`+kind+`"`)(b)
	})
}

func TestRekorThreats(t *testing.T) {
	unpinned, log2 := fixture.NewSigner(t), fixture.NewSigner(t)
	pub := fixture.PEM(&publisher().Key.PublicKey)
	bothLogs := func(o *verify.Options) { o.Logs = append(o.Logs, log2.LogKey()) }
	key64 := base64.StdEncoding.EncodeToString(pub)
	otherKey := func(pem []byte) []fixture.Stages {
		return body(fixture.Swap(key64, base64.StdEncoding.EncodeToString(pem)))
	}
	otherSET := func([]byte) []byte {
		b, _ := base64.StdEncoding.DecodeString(fixture.Signed(publisher().Log, []byte("another entry")))
		return b
	}
	threats(t, "rekor", []threat{
		{name: "no log entry", signed: one(fixture.Stages{NoLog: true}), want: "rekor.present"},
		{name: "SET from other entry (CVE-2022-23649)", signed: one(fixture.Stages{SET: otherSET}), want: "rekor.set"},
		{name: "valid SET+body of unrelated artifact (CVE-2026-22703)", signed: instead(func() []byte {
			return fixture.Body([]byte("unrelated"), fixture.Signed(unpinned.Key, []byte("unrelated")), fixture.PEM(&unpinned.Key.PublicKey))
		}), want: "rekor.payload rekor.signature rekor.key"},
		{name: "valid SET+body of another artifact by the same key", signed: instead(func() []byte {
			return fixture.Body([]byte("unrelated"), fixture.Signed(publisher().Key, []byte("unrelated")), pub)
		}), want: "rekor.payload rekor.signature"},
		{name: "body signature differs (second signature over same payload, CVE-2022-36056)", signed: captured(func(p []byte, sig string) []byte { return fixture.Body(p, sig, pub) }), want: "rekor.signature"},
		{name: "annotation signature s replaced by n-s", signed: one(fixture.Stages{Encode: malleated}), want: "rekor.signature"},
		{name: "body payload hash differs", signed: body(func(b []byte) []byte { return rehash(b, strings.Repeat("0", 64)) }), want: "rekor.payload"},
		{name: "body payload hash in upper case", signed: body(func(b []byte) []byte { return rehash(b, strings.ToUpper(hashIn(b))) })},
		{name: "body hash algorithm sha512", signed: body(fixture.Swap(`"algorithm":"sha256"`, `"algorithm":"sha512"`)), want: "rekor.payload"},
		{name: "body public key differs (other valid key)", signed: otherKey(fixture.PEM(&unpinned.Key.PublicKey)), want: "rekor.key"},
		{name: "body public key differs (certificate of another key)", signed: otherKey(certificate(t, unpinned.Key)), want: "rekor.key"},
		{name: "body public key twice", signed: otherKey(append(append([]byte{}, pub...), fixture.PEM(&unpinned.Key.PublicKey)...)), want: "rekor.key"},
		{name: "body public key with text before", signed: otherKey(append([]byte("text\n"), pub...)), want: "rekor.key"},
		{name: "body public key is an invalid curve point", signed: otherKey(invalidPoint()), want: "rekor.key"},
		{name: "body public key is a private key's PEM", signed: otherKey([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")), want: "rekor.key"},
		{name: "logIndex changed", signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogIndex++ }), want: "rekor.set"},
		{name: "integratedTime changed", signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.IntegratedTime-- }), want: "rekor.set"},
		{name: "body changed after the SET", signed: afterSET(func(b *fixture.RekorBundle) {
			raw, _ := base64.StdEncoding.DecodeString(b.Payload.Body)
			b.Payload.Body = base64.StdEncoding.EncodeToString(rehash(raw, strings.Repeat("0", 64)))
		}), want: "rekor.payload rekor.set"},
		{name: "logID changed to an unknown log", signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogID = unpinned.LogID() }), want: "rekor.log-id"},
		{name: "logID changed to another trusted log", opt: bothLogs, signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogID = log2.LogID() }), want: "rekor.set"},
		{name: "logID uppercase", signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogID = strings.ToUpper(b.Payload.LogID) }), want: "rekor.log-id"},
		{name: "logID too short", signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogID = b.Payload.LogID[:62] }), want: "rekor.log-id"},
		{name: "logID empty", signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogID = "" }), want: "rekor.log-id"},
		{name: "logID not sha256(SPKI), as the log signed it", signed: one(fixture.Stages{Entry: func(e *fixture.LogEntry) { e.LogID = strings.Repeat("0", 64) }}), want: "rekor.log-id"},
		{name: "logID of another trusted log, as the log signed it", opt: bothLogs, signed: one(fixture.Stages{Entry: func(e *fixture.LogEntry) { e.LogID = log2.LogID() }}), want: "rekor.set"},
		{name: "bundle JSON duplicate key", signed: text(fixture.Swap(`"logIndex":29`, `"logIndex":29,"logIndex":30`)), want: "rekor.encoding"},
		{name: "bundle JSON duplicate key of the same value", signed: text(fixture.Swap(`"logIndex":29`, `"logIndex":29,"logIndex":29`)), want: "rekor.encoding"},
		{name: "bundle JSON two SETs", signed: text(fixture.Swap(`{"SignedEntryTimestamp":`, `{"SignedEntryTimestamp":"","SignedEntryTimestamp":`)), want: "rekor.encoding"},
		{name: "bundle JSON case variant", signed: text(fixture.Swap(`"logIndex"`, `"LogIndex"`)), want: "rekor.encoding"},
		{name: "bundle JSON case variant beside the name", signed: text(fixture.Swap(`"logIndex":29`, `"LogIndex":30,"logIndex":29`)), want: "rekor.encoding"},
		{name: "bundle JSON with another member", signed: text(fixture.Swap(`"logIndex":29`, `"logIndex":29,"verification":{}`)), want: "rekor.encoding"},
		{name: "bundle JSON lacks a member", signed: text(fixture.Swap(`,"logIndex":29`, ``)), want: "rekor.encoding"},
		{name: "bundle JSON with trailing data", signed: text(func(b []byte) []byte { return append(b, '{', '}') }), want: "rekor.encoding"},
		{name: "bundle JSON with white space", signed: text(fixture.Swap(`"logIndex":29`, `"logIndex": 29`))},
		{name: "bundle JSON with a letter spelt out", signed: text(fixture.Swap(`"logIndex":29`, `"logInde\u0078":29`))},
		{name: "bundle is empty", signed: text(func([]byte) []byte { return nil }), want: "rekor.encoding"},
		{name: "bundle is null", signed: text(func([]byte) []byte { return []byte("null") }), want: "rekor.encoding"},
		{name: "body not string", signed: text(fixture.Swap(`"body":"`, `"body":7,"unread":"`)), want: "rekor.encoding"},
		{name: "logIndex not plain", signed: text(fixture.Swap(`"logIndex":29`, `"logIndex":2.9e1`)), want: "rekor.encoding"},
		{name: "logIndex negative", signed: text(fixture.Swap(`"logIndex":29`, `"logIndex":-29`)), want: "rekor.encoding"},
		{name: "integratedTime zero", signed: one(fixture.Stages{Entry: func(e *fixture.LogEntry) { e.IntegratedTime = 0 }}), want: "rekor.encoding"},
		{name: "SET with a line break", signed: afterSET(func(b *fixture.RekorBundle) { b.SignedEntryTimestamp += "\n" })},
		{name: "SET empty", signed: afterSET(func(b *fixture.RekorBundle) { b.SignedEntryTimestamp = "" }), want: "rekor.encoding"},
		{name: "SET with DER trailing bytes", signed: one(fixture.Stages{SET: func(b []byte) []byte { return append(b, 0) }}), want: "rekor.set"},
		{name: "body not canonical JSON", signed: body(func(b []byte) []byte { return append(b, '\n') })},
		{name: "body with a duplicate key", signed: body(fixture.Swap(`"kind":`, `"kind":"rekord","kind":`)), want: "rekor.encoding"},
		{name: "body with another member", signed: body(fixture.Swap(`"kind":`, `"extra":1,"kind":`)), want: "rekor.encoding"},
		{name: "body no JSON", signed: body(func([]byte) []byte { return []byte{0xff} }), want: "rekor.encoding"},
		{name: "entry kind rekord/0.0.1 (real 2021 entries)", signed: relabelled("rekord", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind intoto for message signature", signed: kind("intoto", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind dsse for message signature", signed: kind("dsse", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind cose", signed: relabelled("cose", "0.0.1"), want: "rekor.kind"},
		{name: "entry of unknown version", signed: relabelled("hashedrekord", "0.0.3"), want: "rekor.kind"},
		{name: "entry of Rekor v2's version", signed: relabelled("hashedrekord", "0.0.2"), want: "rekor.encoding"},
		{name: "entry kind in another case", signed: relabelled("HashedRekord", "0.0.1"), want: "rekor.kind"},
		{name: "entry kind empty", signed: relabelled("", ""), want: "rekor.kind"},
		{name: "the same key in a certificate is the same key", signed: otherKey(certificate(t, publisher().Key)), warn: "policy.reference-unbound"},
		{name: "a second trusted log does no harm", opt: bothLogs, warn: "policy.reference-unbound"},
	})
}

func TestRekorTrustThreats(t *testing.T) {
	private := &fixture.Signer{Key: publisher().Key, Log: fixture.NewSigner(t).Log}
	weak := &fixture.Signer{Key: publisher().Key, Log: ecdsaKey(p224)}
	trusted := func(logs ...trust.Log) func(*verify.Options) {
		return func(o *verify.Options) { o.Logs = logs }
	}
	window := func(from, to time.Duration) func(*verify.Options) {
		return func(o *verify.Options) {
			o.Logs[0].From, o.Logs[0].To = fixture.SignedAt.Add(from), fixture.SignedAt.Add(to)
		}
	}
	threats(t, "trust", []threat{
		{name: "SET signed by key that is not trusted (private rekor)", by: private, want: "trust.log"},
		{name: "private rekor under a trusted log's id", by: private, signed: one(fixture.Stages{Entry: func(e *fixture.LogEntry) { e.LogID = strings.Repeat("0", 64) }}), want: "trust.log"},
		{name: "no log is trusted at all", opt: trusted(), want: "trust.log"},
		{name: "log key weak: P-224", by: weak, opt: trusted(weak.LogKey()), want: "trust.key-strength"},
		{name: "expired key in trusted root (CVE-2026-54787)", opt: window(-time.Hour, -time.Second), want: "trust.validity"},
		{name: "key of a trusted root not yet valid", opt: window(time.Second, time.Hour), want: "trust.validity"},
		{name: "both ends of the window belong to it", opt: window(0, 0), warn: "policy.reference-unbound"},
	})
	threats(t, "rekor", []threat{
		{name: "a private rekor's entry that uses a trusted log's id", by: private, signed: one(fixture.Stages{Entry: func(e *fixture.LogEntry) { e.LogID = publisher().LogID() }}), want: "rekor.set"},
	})
}

func TestLargeLogEntries(t *testing.T) {
	threats(t, "limit", []threat{
		{name: "body 100 MiB", signed: body(func([]byte) []byte { return []byte(strings.Repeat("x", 600<<10)) }), want: "limit.log-entry"},
		{name: "Rekor bundle over its budget", signed: text(func(b []byte) []byte { return append(b, strings.Repeat(" ", 1<<20)...) }), want: "limit.log-entry"},
		{name: "Rekor bundle that nests", signed: text(func([]byte) []byte { return []byte(strings.Repeat("[", 100_000)) }), want: "limit.log-entry"},
	})
}

func TestEd25519LogSignsEntries(t *testing.T) {
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	log, err := trust.ParseLogKey(fixture.PEM(pub))
	if err != nil {
		t.Fatal(err)
	}
	var entry fixture.LogEntry
	sign := func([]byte) []byte {
		m := fmt.Sprintf(`{"body":"%s","integratedTime":%d,"logID":"%s","logIndex":%d}`, entry.Body, entry.IntegratedTime, entry.LogID, entry.LogIndex)
		return ed25519.Sign(priv, []byte(m))
	}
	stages := fixture.Stages{Entry: func(e *fixture.LogEntry) { e.LogID = log.ID; entry = *e }, SET: sign}
	c := threat{signed: one(stages), opt: func(o *verify.Options) { o.Logs = []trust.Log{*log} }, warn: "policy.reference-unbound"}
	c.run(t, unsigned(t, "unsigned:v1"), "")
	if log.ID == "" || oci.Digest("sha256:"+log.ID).Hex() != log.ID {
		t.Errorf("log id %q", log.ID)
	}
}

func TestWaivingTheLogExcusesAbsenceOnly(t *testing.T) {
	waive := func(o *verify.Options) {
		o.IgnoreTlog = true
	}
	private := &fixture.Signer{Key: publisher().Key, Log: fixture.NewSigner(t).Log}
	const all = "rekor.present policy.reference-unbound policy.waiver"
	threats(t, "rekor", []threat{
		{name: "none", signed: one(fixture.Stages{NoLog: true}), opt: waive, warn: all},
		{name: "present and good", opt: waive, warn: "policy.reference-unbound policy.waiver"},
		{name: "present and empty", signed: text(func([]byte) []byte { return nil }), opt: waive, want: "rekor.encoding"},
		{name: "a log entry that is present and wrong", signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogIndex++ }), opt: waive, want: "rekor.set"},
		{name: "an entry about something else", signed: instead(func() []byte {
			return fixture.Body([]byte("x"), fixture.Signed(publisher().Key, []byte("x")), fixture.PEM(&publisher().Key.PublicKey))
		}), opt: waive, want: "rekor.payload rekor.signature"},
		{name: "an entry of an unknown kind", signed: relabelled("rekord", "0.0.1"), opt: waive, want: "rekor.kind"},
	})
	threats(t, "trust", []threat{{name: "an entry of a private log", by: private, opt: waive, want: "trust.log"}})
	threats(t, "policy", []threat{{name: "age demanded without any trusted time left", signed: one(fixture.Stages{NoLog: true}),
		opt: func(o *verify.Options) { waive(o); o.MaxAge = 24 * time.Hour }, want: "policy.age"}})
}
