package receipt_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/report"
)

var station = sync.OnceValue(fixture.NewSealer)

// reported verifies a bundle and returns the JSON report.
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
	if f := r.Found; f.Verdict != check.Verified || string(f.Bundle.Identity) != identity || f.Bundle.Size != int64(len(raw)) || len(f.Images) != 1 || len(f.Anchors) != 2 {
		t.Errorf("found %+v", f)
	}
	if err := r.Accept(""); err != nil {
		t.Error(err)
	}
	if err := r.Accept("2026-118"); err != nil {
		t.Error(err)
	}
	if got := opened(t, made(t, rep, "")).TransferID; got != "" {
		t.Errorf("a receipt without a transfer names %q", got)
	}
}

// Others compute with the members, so they are written out here.
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
