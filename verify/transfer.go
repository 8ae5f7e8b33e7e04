package verify

import (
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/verify/check"
)

// Transfer is the record of one transfer of media, as the people who carried them
// wrote it down. Nothing proves it; the report shows it beside what was proven.
type Transfer struct {
	ID             Text       `json:"id"`
	Direction      Text       `json:"direction"` // import or export
	Reason         Text       `json:"reason"`    // or the ticket
	Classification Text       `json:"classification"`
	Source         Text       `json:"source"` // the system that the media left
	Destination    Text       `json:"destination"`
	Operator       Text       `json:"operator"`
	SecondPerson   Text       `json:"secondPerson"`
	Authoriser     Text       `json:"authoriser"`
	HandOvers      []HandOver `json:"handOvers"`
	Media          Media      `json:"media"`
	Scan           Scan       `json:"scan"`
	Disposition    Text       `json:"disposition"` // what is done with the media afterwards
}

// HandOver says that the media passed from one custodian to the next.
type HandOver struct {
	From Text       `json:"from"`
	To   Text       `json:"to"`
	At   *time.Time `json:"at"`
}

// Media is what carried the bundle.
type Media struct {
	Type           Text  `json:"type"`
	Serial         Text  `json:"serial"`
	Label          Text  `json:"label"`
	WriteProtected *bool `json:"writeProtected"`
}

// Scan is the search for malware on both sides. A result is "clean", "infected",
// "failed" or "not-done".
type Scan struct {
	Scanner     Text `json:"scanner"`
	Definitions Text `json:"definitions"` // their version
	Source      Text `json:"source"`      // result before the media left
	Destination Text `json:"destination"` // result where it arrived
}

// Limits of the texts of a transfer record, in bytes.
const (
	MaxTransferID   = 256
	MaxTransferText = 4 << 10
)

// Results of a scan on which the verdict depends: a policy that requires a scan
// accepts only a clean one, and infected media are always refused.
const (
	ScanClean    = "clean"
	ScanInfected = "infected"
)

// TransferField is one field of a transfer record.
type TransferField struct {
	Name  string // by which a policy requires it
	Label string // to show
	Value string // empty if the record lacks it
}

// Fields lists the record's fields in the order in which people read them. Those of
// a nil record have no values.
func (t *Transfer) Fields() []TransferField {
	if t == nil {
		t = &Transfer{}
	}
	return []TransferField{
		{"id", "Transfer", string(t.ID)},
		{"direction", "Direction", string(t.Direction)},
		{"reason", "Reason or ticket", string(t.Reason)},
		{"classification", "Classification", string(t.Classification)},
		{"source", "From system", string(t.Source)},
		{"destination", "To system", string(t.Destination)},
		{"operator", "Operator", string(t.Operator)},
		{"secondPerson", "Second person", string(t.SecondPerson)},
		{"authoriser", "Authorised by", string(t.Authoriser)},
		{"handOvers", "Hand-overs", t.handOvers()},
		{"media.type", "Media", string(t.Media.Type)},
		{"media.serial", "Serial number", string(t.Media.Serial)},
		{"media.label", "Label", string(t.Media.Label)},
		{"media.writeProtected", "Write protected", yesNo(t.Media.WriteProtected)},
		{"scan.scanner", "Scanner", string(t.Scan.Scanner)},
		{"scan.definitions", "Definitions", string(t.Scan.Definitions)},
		{"scan.source", "Scan where it left", string(t.Scan.Source)},
		{"scan.destination", "Scan where it arrived", string(t.Scan.Destination)},
		{"disposition", "Disposition", string(t.Disposition)},
	}
}

func (t *Transfer) handOvers() string {
	var list []string
	for _, h := range t.HandOvers {
		s := string(h.From + " to " + h.To)
		if h.At != nil {
			s += ", " + h.At.UTC().Format(time.RFC3339)
		}
		list = append(list, s)
	}
	return strings.Join(list, "; ")
}

func yesNo(b *bool) string {
	switch {
	case b == nil:
		return ""
	case *b:
		return "yes"
	}
	return "no"
}

// unknownFields lists the names that no field of a transfer record has: what they
// demand cannot be met.
func unknownFields(names []string, fields []TransferField) (list []string) {
	for _, name := range names {
		if !slices.ContainsFunc(fields, func(f TransferField) bool { return f.Name == name }) {
			list = append(list, name)
		}
	}
	return list
}

// transferred asks whether the record has what the policy requires. A scan that is
// required must be clean; one that found something is a failure in any case.
func (s *session) transferred() {
	var required []string
	if s.opt.Policy != nil {
		required = s.opt.Policy.Transfer
	}
	fields := s.opt.Transfer.Fields()
	missing, unclean := unknownFields(required, fields), []string(nil)
	refused := false
	for _, f := range fields {
		demanded := slices.Contains(required, f.Name)
		switch {
		case f.Value == "" && demanded:
			missing = append(missing, f.Name)
		case isScanResult(f.Name) && f.Value != "" && f.Value != ScanClean:
			unclean = append(unclean, f.Name+": "+f.Value)
			refused = refused || demanded || f.Value == ScanInfected
		}
	}
	f := check.Fault{ID: check.PolicyTransfer, Expected: strings.Join(required, ", ")}
	if len(missing) > 0 {
		f.Detail, f.Found = "the transfer record lacks what the policy requires", "without "+strings.Join(missing, ", ")
		s.fault(bundleWide, f)
	}
	if len(unclean) > 0 {
		s.fault(bundleWide, check.Fault{ID: check.PolicyScan, Warn: !refused,
			Detail:   "a scan of the media did not come out clean",
			Expected: ScanClean, Found: strings.Join(unclean, ", ")})
	}
	if len(missing)+len(unclean) == 0 && len(required) > 0 {
		s.pass(bundleWide, f)
	}
}

func isScanResult(field string) bool { return field == "scan.source" || field == "scan.destination" }
