// Package report renders a verification report: as text and as a page for people,
// as JSON for programs, as the JSON that cosign verify prints, and in the forms
// that go into records: JUnit, CSV, checksums, and a SLSA verification summary.
// Everything that came from a bundle is escaped for the medium it is written to.
package report

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/gapseal/gapseal/verify"
)

// JSON writes the report as one JSON object, the form that docs/report.md
// describes.
func JSON(w io.Writer, r *verify.Report) error { return Encode(w, r) }

// Encode writes v as indented JSON that is safe to embed in a page and to show
// on a terminal. It returns what v cannot be encoded for, or w's error.
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
