package receipt

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

const (
	// PayloadType is the payload type of a receipt's envelope.
	PayloadType = "application/vnd.gapseal.receipt.v1+json"

	// Schema names the form of a receipt.
	Schema = "gapseal.receipt/v1"

	// MaxTransferID is how long the id of a transfer may be, in bytes.
	MaxTransferID = 256
)

// ErrPayload says that what was signed is no receipt in its one form; the error
// that wraps it says why.
var ErrPayload = errors.New("is not a receipt in its one form")

// Receipt is what a verification found.
type Receipt struct {
	Report     []byte  // the JSON report, byte for byte
	TransferID string  // empty if there is none
	Found      Finding // what the report says
}

// payload is a receipt as it is written.
type payload struct {
	Bundle struct {
		Identity *string `json:"identity"`
		Size     int64   `json:"size"`
	} `json:"bundle"`
	Report       string  `json:"report"`
	ReportDigest string  `json:"reportDigest"`
	Schema       string  `json:"schema"`
	TransferID   *string `json:"transferID"`
	Verdict      string  `json:"verdict"`
	VerifiedAt   string  `json:"verifiedAt"`
}

// Make returns the receipt of a JSON report, as its file holds it. transferID is
// empty if there is none, and that of the report if it has one. The error wraps
// [ErrPayload] for what is no report of a verification, matches
// [check.ErrTooLarge] for a report beyond what an envelope holds, or is the
// signer's.
func Make(report []byte, transferID string, by *dsse.Signer) ([]byte, error) {
	raw, err := encode(report, transferID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return dsse.Sign(PayloadType, raw, by)
}

// Open returns a receipt and the one of keys that signed it. Whether it says
// verified is another question: see [Receipt.Accept]. The error is that of
// [dsse.Open], or wraps [ErrPayload] for a payload that one of keys signed and
// that is none.
func Open(envelope []byte, keys []*trust.Key) (*Receipt, *trust.Key, error) {
	raw, by, err := dsse.Open(envelope, PayloadType, keys)
	if err != nil {
		return nil, nil, err
	}
	r, err := parse(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return r, by, nil
}

// SignStatement returns the DSSE envelope of an in-toto statement, such as a
// verification summary. The errors are those of [dsse.Sign].
func SignStatement(statement []byte, by *dsse.Signer) ([]byte, error) {
	return dsse.Sign(oci.TypeInToto, statement, by)
}

// Digest is the SHA-256 of the report.
func (r *Receipt) Digest() string { return string(oci.FromBytes(r.Report)) }

func encode(report []byte, transferID string) ([]byte, error) {
	if len(transferID) > MaxTransferID {
		return nil, fmt.Errorf("the transfer's id has %d bytes, allowed are %d", len(transferID), MaxTransferID)
	}
	found, err := readReport(report)
	if err != nil {
		return nil, err
	}
	if id := found.transferID(); id != "" && id != transferID {
		return nil, fmt.Errorf("the report is of the transfer %.300q, not %.300q", id, transferID)
	}
	p := payload{Report: string(report), ReportDigest: string(oci.FromBytes(report)), Schema: Schema,
		TransferID: optional(transferID), Verdict: string(found.Verdict), VerifiedAt: found.VerifiedAt}
	p.Bundle.Identity, p.Bundle.Size = found.Bundle.Identity, found.Bundle.Size
	return dsse.Canonical(&p)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// parse reads a payload by writing it again from its report and its id.
func parse(raw []byte) (*Receipt, error) {
	var p payload
	if err := strict.UnmarshalKnown(raw, &p); err != nil {
		return nil, err
	}
	if p.Schema != Schema {
		return nil, fmt.Errorf("schema: want %s, found %.60q", Schema, p.Schema)
	}
	r := &Receipt{Report: []byte(p.Report)}
	if p.TransferID != nil {
		r.TransferID = *p.TransferID
	}
	again, err := encode(r.Report, r.TransferID)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, raw) {
		return nil, errors.New("want canonical JSON with every member, all of it agreeing with the report in it")
	}
	r.Found, err = readReport(r.Report)
	return r, err
}
