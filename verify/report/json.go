package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// JSON writes the report as one indented JSON object with a final line break,
// the form that docs/report.md describes and [Parse] reads back.
func JSON(w io.Writer, r *verify.Report) error { return Encode(w, r) }

// Encode writes v as indented JSON with a final line break. The document is safe
// to embed in a page and to show on a terminal: markup and characters that a
// person cannot see are written as JSON escapes. The error is w's, or reports
// that v cannot be encoded.
func Encode(w io.Writer, v any) error {
	return encode(w, v, "  ")
}

func encode(w io.Writer, v any, indent string) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(visibleJSON(b.Bytes()))
	return err
}

// visibleJSON escapes by JSON's own means what [term.Escape] would escape, so
// that the document keeps its meaning. In valid JSON such characters occur only
// in strings; line breaks are the document's own white space and stay.
func visibleJSON(doc []byte) []byte {
	var b bytes.Buffer
	for len(doc) > 0 {
		r, n := utf8.DecodeRune(doc)
		switch {
		case r == '\n' || term.Visible(r):
			b.Write(doc[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		doc = doc[n:]
	}
	return b.Bytes()
}

// Parse reads a report in the form that [JSON] writes. Members that it does not
// know are ignored, because later versions may add some. A duplicate name, a
// name in another case, invalid UTF-8, or data after the end is an error, as is
// another schema than [verify.Schema] or a report that contradicts itself: a
// report says rejected if and only if it lists a failure, and verified only of a
// bundle with an identity and at least one image.
//
// A report proves nothing about itself. Its texts come from the program that wrote
// it and, in part, from a bundle: escape them before showing them.
//
// What Parse returns is written by JSON as the same bytes. The output of
// [Cosign] may differ, because the JSON report does not hold Rekor bundles.
func Parse(raw []byte) (*verify.Report, error) {
	r := &verify.Report{}
	if err := strict.Unmarshal(raw, r); err != nil {
		return nil, fmt.Errorf("the report: %w", err)
	}
	if r.Schema != verify.Schema {
		return nil, fmt.Errorf("the report's schema: want %s, found %.60q", verify.Schema, r.Schema)
	}
	if err := consistent(r); err != nil {
		return nil, fmt.Errorf("the report: %w", err)
	}
	return r, nil
}

// consistent checks what holds for every report that gapseal writes.
func consistent(r *verify.Report) error {
	verified := r.Verdict == check.Verified
	switch {
	case !verified && r.Verdict != check.Rejected:
		return fmt.Errorf("the verdict is %.60q", r.Verdict)
	case r.VerifiedAt.IsZero():
		return errors.New("verifiedAt is missing")
	case r.Bundle.Size < 0 || r.Bundle.Size >= 1<<53:
		return fmt.Errorf("the bundle has %d bytes", r.Bundle.Size)
	case verified != (len(r.Failures) == 0):
		return errors.New("verdict and failures do not agree")
	case verified && (r.Bundle.Identity == "" || len(r.Images) == 0):
		return errors.New("it says verified of a bundle without an identity or without an image")
	}
	if id := r.Bundle.Identity; id != "" {
		if _, err := oci.ParseDigest(string(id)); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
	}
	return nil
}
