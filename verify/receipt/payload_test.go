package receipt_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/receipt"
)

func TestMakeRefuses(t *testing.T) {
	good := string(reported(t, fixture.Bundle(t, "app:v1")))
	swap := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("nothing to swap: %s", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, rep := range map[string]string{
		"nothing":              "",
		"not a report":         "{}",
		"two":                  good + good,
		"another schema":       swap("report/v1", "report/v2"),
		"another verdict":      swap(`"verdict": "verified"`, `"verdict": "fine"`),
		"a verdict alone":      swap(`"verdict": "verified"`, `"verdict": "rejected"`),
		"a member twice":       swap(`"verdict": "verified"`, `"verdict": "verified", "verdict": "verified"`),
		"a member in capitals": swap(`"verdict": "verified"`, `"Verdict": "rejected", "verdict": "verified"`),
		"no identity":          swap(`"identity": "sha256:`, `"identity": null, "x": "`),
		"no digest":            swap(`"identity": "sha256:`, `"identity": "md5:`),
		"no time":              swap(`"verifiedAt": "2026-11-24T00:00:00Z"`, `"verifiedAt": "today"`),
		"a negative size":      swap(`"size": `, `"size": -`),
		"not UTF-8":            swap(`"path": "`, `"path": "`+"\xff"),
	} {
		if _, err := receipt.Make([]byte(rep), "", station().Signer); !errors.Is(err, receipt.ErrPayload) {
			t.Errorf("%s: %v", name, err)
		}
	}
	recorded := swap(`"transfer": null`, `"transfer": {"id": "one"}`)
	if _, err := receipt.Make([]byte(recorded), "one", station().Signer); err != nil {
		t.Errorf("the transfer of the report: %v", err)
	}
	for _, id := range []string{"", "two"} {
		if _, err := receipt.Make([]byte(recorded), id, station().Signer); !errors.Is(err, receipt.ErrPayload) {
			t.Errorf("transfer %q: %v", id, err)
		}
	}
	for _, id := range []string{strings.Repeat("x", receipt.MaxTransferID+1), "\xff"} {
		if _, err := receipt.Make([]byte(good), id, station().Signer); !errors.Is(err, receipt.ErrPayload) {
			t.Errorf("transfer %.10q: %v", id, err)
		}
	}
}

// The holder of a key may sign anything, but only a payload that agrees with the
// report in it is a receipt.
func TestOpenRefusesOtherPayloads(t *testing.T) {
	raw, _, err := dsse.Open(made(t, reported(t, fixture.Bundle(t, "app:v1")), "one"), receipt.PayloadType, station().Keys())
	if err != nil {
		t.Fatal(err)
	}
	good := string(raw)
	swap := func(from, to string) string {
		if !strings.Contains(good, from) {
			t.Fatalf("nothing to swap: %s", from)
		}
		return strings.Replace(good, from, to, 1)
	}
	for name, payload := range map[string]string{
		"not JSON":          "said",
		"white space":       good + " ",
		"an unknown member": swap("{", `{"a":1,`),
		"a missing member":  swap(`"transferID":"one",`, ""),
		"an empty id":       swap(`"transferID":"one"`, `"transferID":""`),
		"another case":      swap(`"transferID"`, `"transferId"`),
		"another schema":    swap("receipt/v1", "receipt/v2"),
		"another verdict":   swap(`,"verdict":"verified"`, `,"verdict":"rejected"`),
		"another time":      swap(`,"verifiedAt":"2026-11-24T`, `,"verifiedAt":"2026-11-25T`),
		"another bundle":    swap(`{"bundle":{"identity":"sha256:`, `{"bundle":{"identity":"sha256:0`),
		"another size":      swap(`,"size":`, `,"size":1`),
		"another report":    swap(`"report":"{\n`, `"report":"{`),
		"another digest":    swap(`"reportDigest":"sha256:`, `"reportDigest":"sha256:0`),
	} {
		envelope, err := dsse.Sign(receipt.PayloadType, []byte(payload), station().Signer)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := receipt.Open(envelope, station().Keys()); !errors.Is(err, receipt.ErrPayload) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPayload(f *testing.F) {
	rep := reported(f, fixture.Bundle(f, "app:v1"))
	raw, _, err := dsse.Open(made(f, rep, "one"), receipt.PayloadType, station().Keys())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte(`{"bundle":{"identity":null,"size":0},"report":"{}","transferID":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		envelope, err := dsse.Sign(receipt.PayloadType, payload, station().Signer)
		if err != nil {
			return
		}
		r, _, err := receipt.Open(envelope, station().Keys())
		if err != nil {
			return
		}
		_ = r.Accept("") // must not panic, whatever was signed
		again, err := receipt.Make(r.Report, r.TransferID, station().Signer)
		if err != nil {
			t.Fatal(err)
		}
		if same, _, err := dsse.Open(again, receipt.PayloadType, station().Keys()); err != nil || !bytes.Equal(same, payload) {
			t.Errorf("%q is written %q, %v", payload, same, err)
		}
	})
}
