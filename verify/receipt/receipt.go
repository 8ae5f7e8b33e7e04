// Package receipt makes and reads receipts. A receipt is the report of a
// verification, signed by the person or station that verified. It can be carried
// back to the sending side, filed, and checked again later, by itself or
// together with the bundle.
//
// [Make] signs a JSON report, as [report.JSON] writes it. [Open] checks the
// signature against pinned keys and returns the [Receipt]. A valid signature
// does not mean a good verdict: [Receipt.Accept] asks for that, and
// [Receipt.Match] compares the receipt with a bundle.
//
// # Format
//
// A receipt is a DSSE envelope as package [dsse] writes it, with the payload
// type [PayloadType]. The payload is the canonical JSON (RFC 8785) of
//
//	{"bundle":{"identity":DIGEST,"size":BYTES},"report":TEXT,"reportDigest":DIGEST,
//	 "schema":"gapseal.receipt/v1","transferID":ID,"verdict":VERDICT,"verifiedAt":TIME}
//
// TEXT is the JSON report, byte for byte, so that DIGEST is also the SHA-256 of
// the file that holds the report. All other members follow from the report,
// except for the id of the transfer. The id is null if there is none, and the
// identity is null if the bundle has none. A reader derives the members again
// and refuses a payload that differs.
package receipt

import (
	"bytes"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/trust"
)

const (
	// PayloadType is the payload type of a receipt's envelope.
	PayloadType = "application/vnd.gapseal.receipt.v1+json"

	// Schema names the form of a receipt.
	Schema = "gapseal.receipt/v1"

	// MaxTransferID is how long the id of a transfer may be, in bytes.
	MaxTransferID = verify.MaxTransferID
)

// ErrPayload reports that a payload is not a receipt, or not spelled as
// gapseal spells one. The error that wraps it says why.
var ErrPayload = errors.New("is not a receipt in its one form")

// Receipt is what a verification found.
type Receipt struct {
	Report     []byte         // the JSON report, byte for byte
	Found      *verify.Report // what it says; its texts must be escaped before they are shown
	TransferID string         // empty if there is none
}

// payload is a receipt as it is written.
type payload struct {
	Bundle struct {
		Identity verify.Text `json:"identity"`
		Size     int64       `json:"size"`
	} `json:"bundle"`
	Report       string      `json:"report"`
	ReportDigest string      `json:"reportDigest"`
	Schema       string      `json:"schema"`
	TransferID   verify.Text `json:"transferID"`
	Verdict      string      `json:"verdict"`
	VerifiedAt   string      `json:"verifiedAt"`
}

// Make returns the receipt of a JSON report, signed by a key. The report must be
// one that [report.Parse] reads. transferID is empty if there is none; it must
// be that of the report if the report has a transfer record.
//
// The error wraps [ErrPayload] for anything but such a report, matches
// [check.ErrTooLarge] for a report that does not fit into an envelope, or is the
// signer's.
//
// [check.ErrTooLarge]: https://pkg.go.dev/github.com/gapseal/gapseal/verify/check#ErrTooLarge
func Make(doc []byte, transferID string, by *dsse.Signer) ([]byte, error) {
	rep, err := report.Outline(bytes.NewReader(doc)) // all that the receipt says besides the report
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	raw, err := encode(rep, doc, transferID)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPayload, err)
	}
	return dsse.Sign(PayloadType, raw, by)
}

// Open returns a receipt and the one of keys that signed it. Whether the bundle
// was verified is another question: see [Receipt.Accept]. The error is that of
// [dsse.Open], or wraps [ErrPayload] if one of keys signed a payload that is not
// a receipt.
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

// Digest returns the SHA-256 of the report.
func (r *Receipt) Digest() string { return string(oci.FromBytes(r.Report)) }

// VerifiedAt returns the time of the verdict as the report spells it, in the
// form of RFC 3339.
func (r *Receipt) VerifiedAt() string { return verifiedAt(r.Found) }

func verifiedAt(rep *verify.Report) string { return rep.VerifiedAt.Format(time.RFC3339Nano) }

// encode returns the payload of the receipt of a report, whose JSON form is doc.
func encode(rep *verify.Report, doc []byte, transferID string) ([]byte, error) {
	if len(transferID) > MaxTransferID {
		return nil, fmt.Errorf("the transfer's id has %d bytes, allowed are %d", len(transferID), MaxTransferID)
	}
	if !utf8.ValidString(transferID) { // its JSON form would say something else
		return nil, errors.New("the transfer's id is not UTF-8")
	}
	if t := rep.Transfer; t != nil && t.ID != "" && string(t.ID) != transferID {
		return nil, fmt.Errorf("the report is of the transfer %.300q, not %.300q", t.ID, transferID)
	}
	p := payload{
		Report:       string(doc),
		ReportDigest: string(oci.FromBytes(doc)),
		Schema:       Schema,
		TransferID:   verify.Text(transferID),
		Verdict:      string(rep.Verdict),
		VerifiedAt:   verifiedAt(rep),
	}
	p.Bundle.Identity = rep.Bundle.Identity
	p.Bundle.Size = rep.Bundle.Size
	return dsse.Canonical(&p)
}

// parse reads a payload. It derives the payload from the report and the id in it
// and compares, so that no member can say anything else than the report.
func parse(raw []byte) (*Receipt, error) {
	var p payload
	if err := strict.UnmarshalKnown(raw, &p); err != nil {
		return nil, err
	}
	if p.Schema != Schema {
		return nil, fmt.Errorf("schema: want %s, found %.60q", Schema, p.Schema)
	}
	r := &Receipt{Report: []byte(p.Report), TransferID: string(p.TransferID)}
	rep, err := report.Parse(r.Report)
	if err != nil {
		return nil, err
	}
	again, err := encode(rep, r.Report, r.TransferID)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(again, raw) {
		return nil, errors.New("want canonical JSON with every member, all of it agreeing with the report in it")
	}
	r.Found = rep
	return r, nil
}
