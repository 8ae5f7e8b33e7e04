// Package report writes a [verify.Report] in the formats that people and programs
// read, and reads the JSON format back.
//
// [Formats] lists the formats in which a report can be filed:
//
//   - text: for a person at a terminal of 80 columns ([Text])
//   - json: the complete report, which [Parse] reads back ([JSON])
//   - html: one page for a browser or for paper ([HTML])
//   - junit: test results for a CI server ([JUnit])
//   - csv: one row for each blob ([CSV])
//   - sha256: sha256sum lines for the bundle file or its volumes ([SHA256])
//   - sha256-files: sha256sum lines for the unpacked bundle ([SHA256Files])
//   - vsa: a SLSA verification summary, which can be signed ([VSA], [SignVSA])
//
// [Cosign] writes what cosign verify prints. It is not among the formats, because
// it shows the claims of a verified bundle and records no verdict.
//
// Some formats need a digest that [verify.Bundle] does not compute, because that
// takes another pass over the file. A [Format] states what it needs, and the
// caller sets it in the report before writing.
//
// Every text that came from a bundle is escaped for the medium it is written to:
// no bundle can move a cursor, close a tag, end a line or a cell, or start a
// formula. Passwords in URLs are removed, except from the JSON report.
package report

import (
	"io"
	"slices"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/dsse"
)

// Need says whether a format needs something that a report may lack.
type Need int

// The needs, in ascending order.
const (
	Never        Need = iota
	IfNoIdentity      // only for a bundle that has no identity
	Always
)

// For reports whether the need applies to a report.
func (n Need) For(r *verify.Report) bool {
	return n == Always || n == IfNoIdentity && r.Bundle.Identity == ""
}

// Format is one format of a report.
type Format struct {
	Name  string // as an operator types it
	Write func(w io.Writer, r *verify.Report) error

	// Sign writes the report in a signed envelope instead. It is nil for a
	// format that is not signed.
	Sign func(w io.Writer, r *verify.Report, by *dsse.Signer) error

	FileDigest Need // whether Bundle.FileDigest must be set
	Volumes    bool // whether the digests of Bundle.Volumes must be set
}

// Formats lists the formats in the order in which help shows them.
var Formats = []Format{
	{Name: "text", Write: Text},
	{Name: "json", Write: JSON},
	{Name: "html", Write: HTML},
	{Name: "junit", Write: JUnit},
	{Name: "csv", Write: CSV},
	{Name: "sha256", Write: SHA256, FileDigest: Always, Volumes: true},
	{Name: "sha256-files", Write: SHA256Files},
	{Name: "vsa", Write: VSA, Sign: SignVSA, FileDigest: IfNoIdentity},
}

// FormatNamed returns the format with a name. ok is false if there is none.
func FormatNamed(name string) (f Format, ok bool) {
	i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return Formats[i], true
}
