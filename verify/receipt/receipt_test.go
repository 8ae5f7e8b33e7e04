package receipt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/dsse"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/report"
)

var station = sync.OnceValue(fixture.NewSealer)

// reported verifies a bundle and writes its report.
func reported(t testing.TB, raw []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := report.JSON(&b, fixture.Verify(t, raw, fixture.Options())); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func made(t testing.TB, rep []byte, transferID string) []byte {
	t.Helper()
	raw, err := receipt.Make(rep, transferID, station().Signer)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func opened(t testing.TB, raw []byte) *receipt.Receipt {
	t.Helper()
	r, by, err := receipt.Open(raw, station().Keys())
	if err != nil {
		t.Fatal(err)
	}
	if by.Fingerprint() != station().Public().Fingerprint() {
		t.Errorf("signed by %s", by.Fingerprint())
	}
	return r
}

func TestMakeAndOpen(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1")
	rep := reported(t, raw)
	r := opened(t, made(t, rep, "2026-118"))
	if !bytes.Equal(r.Report, rep) || r.Digest() != string(oci.FromBytes(rep)) || r.TransferID != "2026-118" {
		t.Errorf("the receipt holds %d bytes for %s, the report has %d", len(r.Report), r.TransferID, len(rep))
	}
	identity := string(oci.FromBytes(fixture.Files(raw)[1].Data))
	if f := r.Found; f.Verdict != verify.Verified || *f.Bundle.Identity != identity || f.Bundle.Size != int64(len(raw)) || len(f.Images) != 1 || len(f.Anchors) != 2 {
		t.Errorf("found %+v", f)
	}
	if err := r.Accept(""); err != nil {
		t.Error(err)
	}
	if err := r.Accept("2026-118"); err != nil {
		t.Error(err)
	}
	if got := opened(t, made(t, rep, "")).TransferID; got != "" {
		t.Errorf("a transfer out of nothing: %q", got)
	}
}

// The members are what others compute with, so they are named here.
func TestThePayload(t *testing.T) {
	rep := reported(t, fixture.Bundle(t, "app:v1"))
	raw, _, err := dsse.Open(made(t, rep, ""), receipt.PayloadType, station().Keys())
	if err != nil {
		t.Fatal(err)
	}
	var p map[string]any
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	if len(p) != 7 || p["schema"] != "gapseal.receipt/v1" || p["verdict"] != "verified" || p["verifiedAt"] != "2026-11-24T00:00:00Z" ||
		p["transferID"] != nil || p["report"] != string(rep) || p["reportDigest"] != string(oci.FromBytes(rep)) {
		t.Errorf("%.300s…", raw)
	}
}

func TestAcceptRefuses(t *testing.T) {
	good := reported(t, fixture.Bundle(t, "app:v1"))
	bad := reported(t, fixture.Bundle(t, "unsigned:v1"))
	for name, test := range map[string]struct {
		rep          []byte
		id, demanded string
		want         string
	}{
		"rejected":         {bad, "", "", "the bundle was rejected: signature.present"},
		"another transfer": {good, "one", "two", "expected two, found one"},
		"no transfer":      {good, "", "two", "expected two, found none"},
	} {
		var refused *receipt.RefusedError
		if err := opened(t, made(t, test.rep, test.id)).Accept(test.demanded); !errors.As(err, &refused) || !strings.HasSuffix(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

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
		"no report":            "{}",
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
	if _, err := receipt.Make([]byte(good), strings.Repeat("x", receipt.MaxTransferID+1), station().Signer); !errors.Is(err, receipt.ErrPayload) {
		t.Error(err)
	}
}

// Whoever holds the key may sign what they like, but only a receipt in which all
// agrees passes for one.
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
		"nothing JSON":      "said",
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

func match(t *testing.T, r *receipt.Receipt, raw []byte, pipe bool) error {
	t.Helper()
	open := func() (*bundle.Reader, error) {
		return bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.DefaultLimits())
	}
	if pipe {
		open = func() (*bundle.Reader, error) { return bundle.OpenStream(bytes.NewReader(raw), oci.DefaultLimits()) }
	}
	b, err := open()
	if err != nil {
		t.Fatal(err)
	}
	return r.Match(t.Context(), b, nil)
}

func TestMatch(t *testing.T) {
	raw := station().SealedBundle(fixture.Bundle(t, "app:v1"))
	r := opened(t, made(t, reported(t, raw), ""))
	for _, pipe := range []bool{false, true} {
		if err := match(t, r, raw, pipe); err != nil {
			t.Error(err)
		}
	}
	layers, damaged := fixture.Offsets(raw), bytes.Clone(raw)
	damaged[layers[len(layers)-2]+512] ^= 1 // in the last layer
	covert := bytes.Clone(raw)
	covert[len(covert)-1] = 1
	for name, test := range map[string]struct {
		raw  []byte
		want string
	}{
		"another":           {fixture.Bundle(t, "app:v2"), "of another bundle"},
		"without a seal":    {fixture.Bundle(t, "app:v1"), "of another bundle"},
		"sealed again":      {station().SealedBundle(raw), "of another bundle"},
		"damaged":           {damaged, "not whole: sha256:"},
		"covert":            {covert, "not whole: container.end"},
		"longer":            {append(bytes.Clone(raw), 0), "not whole: container.end"},
		"cut off":           {raw[:len(raw)-2000], "not whole: "},
		"nothing":           {nil, "of another bundle"},
		"no bundle":         {[]byte("PK"), "of another bundle"},
		"not the inventory": {fixture.Pack(fixture.Files(raw)[:3]), "not whole: "},
	} {
		for _, pipe := range []bool{false, true} {
			var refused *receipt.RefusedError
			if err := match(t, r, test.raw, pipe); !errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, pipe %t: %v", name, pipe, err)
			}
		}
	}
	b, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Match(ctx, b, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// The receipt speaks of every byte of the bundle. A sample suffices here: that
// the reader sees each of them is tested where it is.
func TestMatchSeesChanges(t *testing.T) {
	raw := fixture.Bundle(t, "app-v3:v1")
	r := opened(t, made(t, reported(t, raw), ""))
	for i := 0; i < len(raw); i += 7 {
		raw[i] ^= 0x20
		if match(t, r, raw, false) == nil {
			t.Errorf("byte %d may be another", i)
		}
		raw[i] ^= 0x20
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
