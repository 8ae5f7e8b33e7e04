package report

import (
	"fmt"
	"io"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// outline has the members of a report that say what was found.
type outline struct {
	Schema     string           `json:"schema"`
	Verdict    check.Verdict    `json:"verdict"`
	VerifiedAt time.Time        `json:"verifiedAt"`
	Bundle     verify.BundleID  `json:"bundle"`
	Images     []imageOutline   `json:"images"`
	Failures   []struct{}       `json:"failures"`
	Transfer   *verify.Transfer `json:"transfer"`
}

type imageOutline struct {
	Digest string `json:"digest"`
}

// Outline reads a report as [Parse] does, but piece by piece, and keeps of it only
// the schema, the verdict and its time, the bundle, the record of the transfer and
// the digests of the images. Failures holds one empty check if there are any. Memory
// does not grow with the rest, whose members are not compared with their types.
//
// The error says why in is not such a report, or cannot be read.
func Outline(in io.Reader) (*verify.Report, error) {
	var o outline
	// A name in another case counts as the same, and so as a duplicate.
	if err := json.UnmarshalRead(in, &o, json.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, fmt.Errorf("the report: %s", check.Clip(err.Error()))
	}
	r := &verify.Report{
		Schema:     o.Schema,
		Verdict:    o.Verdict,
		VerifiedAt: o.VerifiedAt,
		Bundle:     o.Bundle,
		Transfer:   o.Transfer,
		Images:     make([]verify.Image, len(o.Images)),
		Failures:   make([]verify.Check, min(len(o.Failures), 1)),
	}
	for i := range o.Images {
		r.Images[i].Digest = o.Images[i].Digest
	}
	return accepted(r)
}
