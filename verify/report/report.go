// Package report writes a [verify.Report] in the forms that people and programs
// read, and reads back the one that is kept.
//
// [Formats] lists the forms by the name that an operator types:
//
//	text          for a person at a terminal of 80 columns ([Text])
//	json          the complete report, which [Parse] reads back ([JSON])
//	html          one page for a browser or for paper ([HTML])
//	junit         test results for a CI server ([JUnit])
//	csv           one row for each blob ([CSV])
//	sha256        sha256sum lines for the bundle file or its volumes ([SHA256])
//	sha256-files  sha256sum lines for the unpacked bundle ([SHA256Files])
//	vsa           a SLSA verification summary, which can be signed ([VSA])
//
// [Cosign] writes what cosign verify prints. It is not among the formats: it
// shows the claims of a verified bundle only and records no verdict.
//
// Some forms need a digest that [verify.Bundle] does not compute by itself,
// because it costs another pass over the file. A [Format] states what it needs;
// who asked for it puts that into the report first.
//
// Every text that came from a bundle is escaped for the medium it is written
// to: no bundle can move a cursor, close a tag, end a line or a cell, or start a
// formula. Passwords in URLs are removed.
package report

import (
	"io"
	"slices"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/dsse"
)

// Need says when a format needs something that a report may lack.
type Need int

// The needs of a format, from none to always.
const (
	Never        Need = iota
	IfNoIdentity      // only for a bundle that has no identity
	Always
)

// For reports whether something needed is needed for this report.
func (n Need) For(r *verify.Report) bool {
	return n == Always || n == IfNoIdentity && r.Bundle.Identity == ""
}

// Format is one form of a report.
type Format struct {
	Name  string // by which an operator asks for it
	Write func(w io.Writer, r *verify.Report) error

	// Sign writes the report in a signed envelope instead. It is nil for a
	// format that is not signed.
	Sign func(w io.Writer, r *verify.Report, by *dsse.Signer) error

	FileDigest Need // for Bundle.FileDigest
	Volumes    bool // needs the digest of each of Bundle.Volumes
}

// Formats are all forms that a report can be filed in, in the order in which
// help lists them.
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

// FormatNamed returns the format of a name. ok is false if there is none.
func FormatNamed(name string) (f Format, ok bool) {
	i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == name })
	if i < 0 {
		return Format{}, false
	}
	return Formats[i], true
}
