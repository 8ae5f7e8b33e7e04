package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

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

// encode writes v piece by piece, so that memory holds neither the whole document
// nor a copy of it.
func encode(w io.Writer, v any, indent string) error {
	b := bufio.NewWriterSize(w, 1<<16)
	out := &visible{b: b}
	options := []json.Options{jsonv1.DefaultOptionsV1()}
	if indent != "" {
		options = append(options, jsontext.WithIndent(indent))
	}
	if err := json.MarshalWrite(out, v, options...); err != nil {
		return err
	}
	if err := out.end(); err != nil {
		return err
	}
	return b.Flush()
}

// visible writes JSON, and escapes by JSON's own means what [term.Escape] would
// escape, so that the document keeps its meaning. In valid JSON such characters occur
// only in strings; line breaks are the document's own white space and stay.
type visible struct {
	b     *bufio.Writer
	split []byte // the beginning of a character whose end is still to come
}

func (v *visible) Write(doc []byte) (int, error) {
	given := len(doc)
	if len(v.split) > 0 {
		doc = append(v.split, doc...)
		v.split = nil
	}
	for len(doc) > 0 {
		n := asciiPrefix(doc)
		if n == 0 {
			if !utf8.FullRune(doc) {
				v.split = bytes.Clone(doc)
				break
			}
			n = v.rune(doc)
		} else if _, err := v.b.Write(doc[:n]); err != nil {
			return 0, err
		}
		doc = doc[n:]
	}
	return given, nil
}

// asciiPrefix returns how many bytes at the start of doc are plain ASCII.
func asciiPrefix(doc []byte) (n int) {
	for n < len(doc) && (doc[n] >= ' ' && doc[n] <= '~' || doc[n] == '\n') {
		n++
	}
	return n
}

// rune writes the first character of doc and returns its length. An error of the
// writer is returned by its Flush.
func (v *visible) rune(doc []byte) int {
	r, n := utf8.DecodeRune(doc)
	switch {
	case term.Visible(r):
		v.b.Write(doc[:n])
	case r > 0xffff:
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(v.b, `\u%04x\u%04x`, high, low)
	default:
		fmt.Fprintf(v.b, `\u%04x`, r)
	}
	return n
}

// end writes what is left and a line break.
func (v *visible) end() error {
	if len(v.split) > 0 {
		v.rune(v.split)
	}
	return v.b.WriteByte('\n')
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
	return accepted(r)
}

// accepted returns a report whose schema is known and that does not contradict
// itself.
func accepted(r *verify.Report) (*verify.Report, error) {
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
