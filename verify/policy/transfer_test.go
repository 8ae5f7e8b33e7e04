package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
)

const record = `schema: gapseal.transfer/v1
id: T-2026-0042
direction: import
reason: CHG-1234
classification: OFFICIAL
source: build network
destination: plant network
operator: A. Ames
secondPerson: B. Brown
authoriser: C. Cole
handOvers:
  - {from: A. Ames, to: Courier 7, at: 2026-11-24T09:00:00Z}
  - {from: Courier 7, to: D. Dunn}
media: {type: USB stick, serial: 4C530001, label: gapseal 42, writeProtected: true}
scan: {scanner: ClamAV 1.4.3, definitions: 27800, source: clean, destination: clean}
disposition: wiped
`

func TestParseTransfer(t *testing.T) {
	r, err := policy.ParseTransfer([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Fields() {
		if f.Value == "" {
			t.Errorf("%s is empty", f.Name)
		}
	}
	if r.Scan.Definitions != "27800" || r.Media.WriteProtected == nil || !*r.Media.WriteProtected {
		t.Errorf("%+v", r)
	}
	i := slices.IndexFunc(r.Fields(), func(f verify.TransferField) bool { return f.Name == "handOvers" })
	if got := r.Fields()[i].Value; got != "A. Ames to Courier 7, 2026-11-24T09:00:00Z; Courier 7 to D. Dunn" {
		t.Errorf("hand-overs: %s", got)
	}
}

func TestMalformedTransfer(t *testing.T) {
	for _, c := range []struct{ old, text, says string }{
		{"transfer/v1", "transfer/v2", "line 1, column 9: schema: want gapseal.transfer/v1"},
		{"reason:", "ticket:", `line 4, column 1: unknown key "ticket"`},
		{"import", "sideways", "line 3, column 12: want one of import, export"},
		{"source: clean", "source: ok", "want one of clean, infected, failed, not-done"},
		{"true", "perhaps", "want true or false"},
		{"2026-11-24T09:00:00Z", "nine", "handOvers: "},
		{", to: D. Dunn", "", "each needs from and to"},
		{"T-2026-0042", strings.Repeat("x", 257), "want at most 256 bytes, found 257"},
		{"CHG-1234", strings.Repeat("x", 4097), "want at most 4096 bytes, found 4097"},
	} {
		r, err := policy.ParseTransfer([]byte(strings.Replace(record, c.old, c.text, 1)))
		if said := (*policy.Error)(nil); r != nil || !errors.As(err, &said) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v", c.text, r, err)
		}
	}
}
