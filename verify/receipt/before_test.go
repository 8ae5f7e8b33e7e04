package receipt_test

import (
	"os"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/trust"
)

// Receipts that version 0.1.0 made can still be read. They must never be made
// again with a later version.
func TestReceiptsOfAnEarlierVersion(t *testing.T) {
	text, err := os.ReadFile("testdata/before.pub")
	if err != nil {
		t.Fatal(err)
	}
	key, err := trust.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, verdict := range []check.Verdict{check.Verified, check.Rejected} {
		raw, err := os.ReadFile("testdata/" + string(verdict) + "-before.json")
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := receipt.Open(raw, []*trust.Key{key})
		if err != nil {
			t.Errorf("%s: %v", verdict, err)
			continue
		}
		if r.Found.Verdict != verdict || r.TransferID != "2026-118" || r.VerifiedAt() != "2026-11-24T00:00:00Z" {
			t.Errorf("found %s of %s at %s", r.Found.Verdict, r.TransferID, r.VerifiedAt())
		}
		if accepted := r.Accept("2026-118") == nil; accepted != (verdict == check.Verified) {
			t.Errorf("%s: accepted: %t", verdict, accepted)
		}
	}
}
