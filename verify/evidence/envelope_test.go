package evidence_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

func TestReadEnvelope(t *testing.T) {
	raw := loadStore(t).layer(t, attKey, 0)
	e, f := evidence.ReadEnvelope(raw)
	if f != nil {
		t.Fatal(f)
	}
	if e.PayloadType != "application/vnd.in-toto+json" || e.KeyID != "" || len(e.Signature) < 70 ||
		string(e.Raw) != string(raw) ||
		!strings.HasPrefix(string(e.PAE()), "DSSEv1 28 application/vnd.in-toto+json ") {
		t.Errorf("%+v", e)
	}
	e, f = evidence.ReadEnvelope(replace(t, raw, `"keyid":""`, `"keyid":"k"`))
	if f != nil || e.KeyID != "k" {
		t.Error(e, f)
	}
}

func TestReadEnvelopeRefuses(t *testing.T) {
	good := []byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":[{"keyid":"","sig":"AAAA"}]}`)
	if _, f := evidence.ReadEnvelope(good); f != nil {
		t.Fatal(f)
	}
	const enc = check.SignatureEncoding
	for _, c := range []struct {
		name, old, new string
		id             check.ID
		says           string
	}{
		{"no signature", `{"keyid":"","sig":"AAAA"}`, ``, enc, "found 0"},
		{"two signatures", `{"keyid":"","sig":"AAAA"}`, `{"sig":"AAAA"},{"sig":"AAAA"}`, enc, "found 2"},
		{"signatures missing", `,"signatures":[{"keyid":"","sig":"AAAA"}]`, ``, enc, "found 0"},
		{"empty signature", `"AAAA"`, `""`, enc, "empty"},
		{"empty payload", `"e30="`, `""`, enc, "empty"},
		{"another payload type", `application/vnd.in-toto+json`, `application/vnd.in-toto+JSON`,
			check.SignatureClaims, "payload type"},
		{"payload type missing", `"payloadType":"application/vnd.in-toto+json",`, ``, check.SignatureClaims,
			"payload type"},
		{"case variant", `"keyid"`, `"keyID"`, enc, "case variant"},
		{"member twice", `"payload"`, `"payload":"AAAA","payload"`, enc, "duplicate"},
		{"alias", `"payloadType"`, `"payload_type"`, check.SignatureClaims, "payload type"},
		{"base64 with stray bits", `"e30="`, `"e31="`, enc, "base64"},
		{"base64 of two alphabets", `"AAAA"`, `"_A+A"`, enc, "base64"},
		{"payload no string", `"e30="`, `{}`, enc, "want a string"},
		{"data after the end", `}]}`, `}]}x`, enc, "after the end"},
		{"unclosed", `}]}`, `}]`, enc, "JSON"},
		{"unclosed list", `}]}`, `}`, enc, "JSON"},
		{"half a member", `"sig":"AAAA"}]}`, `"sig":`, enc, "JSON"},
		{"65 signatures", `"signatures":[`, `"signatures":[` + strings.Repeat(`{"sig":"AAAA"},`, 64),
			check.LimitEvidence, "signatures"},
		{"too large", `{"payloadType"`, strings.Repeat(" ", evidence.MaxSize) + `{"payloadType"`, check.LimitEvidence,
			"16777216"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, f := evidence.ReadEnvelope(replace(t, good, c.old, c.new))
			if e != nil {
				t.Error("read")
			}
			wantFault(t, f, c.id, c.says)
		})
	}
}
