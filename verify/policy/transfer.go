package policy

import (
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/quantity"
	"github.com/gapseal/gapseal/verify"
)

// TransferSchema names the form of a transfer record.
const TransferSchema = "gapseal.transfer/v1"

// record is the transfer record.
type record struct {
	Schema         value `yaml:"schema"`
	ID             value `yaml:"id"`
	Direction      value `yaml:"direction"`
	Reason         value `yaml:"reason"`
	Classification value `yaml:"classification"`
	Source         value `yaml:"source"`
	Destination    value `yaml:"destination"`
	Operator       value `yaml:"operator"`
	SecondPerson   value `yaml:"secondPerson"`
	Authoriser     value `yaml:"authoriser"`
	HandOvers      []struct {
		From value `yaml:"from"`
		To   value `yaml:"to"`
		At   value `yaml:"at"`
	} `yaml:"handOvers"`
	Media struct {
		Type           value `yaml:"type"`
		Serial         value `yaml:"serial"`
		Label          value `yaml:"label"`
		WriteProtected value `yaml:"writeProtected"`
	} `yaml:"media"`
	Scan struct {
		Scanner     value `yaml:"scanner"`
		Definitions value `yaml:"definitions"`
		Source      value `yaml:"source"`
		Destination value `yaml:"destination"`
	} `yaml:"scan"`
	Disposition value `yaml:"disposition"`
}

// The words that these fields are limited to, so that scripts can rely on them.
var (
	directions = []string{"import", "export"}
	results    = []string{verify.ScanClean, verify.ScanInfected, "failed", "not-done"}
)

// ParseTransfer reads a transfer record. The error is an [*Error], which names
// the line and column.
func ParseTransfer(raw []byte) (*verify.Transfer, error) {
	var r record
	if err := decode(raw, TransferSchema, &r); err != nil {
		return nil, err
	}
	t := &verify.Transfer{HandOvers: []verify.HandOver{}}
	for _, f := range []struct {
		in  *value
		out *verify.Text
		of  []string
	}{
		{&r.ID, &t.ID, nil}, {&r.Direction, &t.Direction, directions}, {&r.Reason, &t.Reason, nil},
		{&r.Classification, &t.Classification, nil}, {&r.Source, &t.Source, nil}, {&r.Destination, &t.Destination, nil},
		{&r.Operator, &t.Operator, nil}, {&r.SecondPerson, &t.SecondPerson, nil}, {&r.Authoriser, &t.Authoriser, nil},
		{&r.Media.Type, &t.Media.Type, nil}, {&r.Media.Serial, &t.Media.Serial, nil},
		{&r.Media.Label, &t.Media.Label, nil},
		{&r.Scan.Scanner, &t.Scan.Scanner, nil}, {&r.Scan.Definitions, &t.Scan.Definitions, nil},
		{&r.Scan.Source, &t.Scan.Source, results}, {&r.Scan.Destination, &t.Scan.Destination, results},
		{&r.Disposition, &t.Disposition, nil},
	} {
		if f.in.given() && f.of != nil && !slices.Contains(f.of, f.in.text) {
			return nil, f.in.fault("want one of %s, found %q", strings.Join(f.of, ", "), firstLine(f.in.text))
		}
		if max := maxText(f.out == &t.ID); len(f.in.text) > max {
			return nil, f.in.fault("want at most %d bytes, found %d", max, len(f.in.text))
		}
		*f.out = verify.Text(f.in.text)
	}
	if err := r.rest(t); err != nil {
		return nil, err
	}
	return t, nil
}

func maxText(isID bool) int {
	if isID {
		return verify.MaxTransferID
	}
	return verify.MaxTransferText
}

// rest reads the fields that are not plain texts.
func (r *record) rest(t *verify.Transfer) error {
	if v := &r.Media.WriteProtected; v.given() {
		b, err := v.flag()
		if err != nil {
			return err
		}
		t.Media.WriteProtected = &b
	}
	for i := range r.HandOvers {
		in := &r.HandOvers[i]
		h := verify.HandOver{From: verify.Text(in.From.text), To: verify.Text(in.To.text)}
		if in.At.given() {
			at, err := quantity.Time(in.At.text)
			if err != nil {
				return in.At.fault("handOvers: %v", err)
			}
			h.At = &at
		}
		if h.From == "" || h.To == "" {
			return &Error{Message: "handOvers: each needs from and to"}
		}
		t.HandOvers = append(t.HandOvers, h)
	}
	return nil
}
