package receipt_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/receipt"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
	"github.com/gapseal/gapseal/verify/seal"
)

// kind is one kind of document that gapseal signs: how one is made and how it is
// read.
type kind struct {
	payloadType string
	make        func(*dsse.Signer) ([]byte, error)
	open        func([]byte) error
}

func kinds(t *testing.T) map[string]kind {
	rep, keys := reported(t, fixture.Bundle(t, "app:v1")), station().Keys()
	head := register.Head{Schema: register.HeadSchema, Size: 0, Root: string(oci.FromBytes(nil)), LastEntry: string(oci.FromBytes(nil)), At: time.Unix(0, 0).UTC()}
	return map[string]kind{
		"seal": {bundle.TypeSeal, func(*dsse.Signer) ([]byte, error) { return station().Seal(oci.EmptyDigest), nil },
			func(raw []byte) error { _, _, err := seal.Open(raw, keys); return err }},
		"receipt": {receipt.PayloadType, func(s *dsse.Signer) ([]byte, error) { return receipt.Make(rep, "", s) },
			func(raw []byte) error { _, _, err := receipt.Open(raw, keys); return err }},
		"register head": {register.HeadPayloadType, func(s *dsse.Signer) ([]byte, error) { return head.Sign(s) },
			func(raw []byte) error { _, _, err := register.OpenHead(raw, keys); return err }},
		"summary": {oci.TypeInToto, func(s *dsse.Signer) ([]byte, error) { return summary(rep, s) },
			func(raw []byte) error {
				if _, f := evidence.ReadEnvelope(raw); f != nil {
					return f
				}
				return nil
			}},
	}
}

// One key may sign all of these kinds, and none passes for another.
func TestNoStatementPassesForAnother(t *testing.T) {
	all := kinds(t)
	for made, from := range all {
		raw, err := from.make(station().Signer)
		if err != nil {
			t.Fatalf("%s: %v", made, err)
		}
		for read, as := range all {
			err := as.open(raw)
			var typeErr *dsse.TypeError
			var fault *check.Fault
			switch {
			case made == read:
				if err != nil {
					t.Errorf("%s: %v", made, err)
				}
			case errors.As(err, &typeErr) && typeErr.Want == as.payloadType && typeErr.Found == from.payloadType:
			case errors.As(err, &fault) && read == "summary" && fault.ID == check.SignatureClaims && fault.Found == from.payloadType:
			default:
				t.Errorf("a %s read as a %s: %v", made, read, err)
			}
		}
	}
}

// summary returns the signed verification summary of a JSON report.
func summary(doc []byte, s *dsse.Signer) ([]byte, error) {
	rep, err := report.Parse(doc)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = report.SignVSA(&b, rep, s)
	return b.Bytes(), err
}
