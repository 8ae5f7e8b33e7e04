package report

import (
	"bufio"
	"embed"
	"html/template"
	"io"

	"github.com/gapseal/gapseal/verify"
)

//go:embed html
var htmlFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(htmlFiles, "html/*.tmpl"))

// HTML writes the report as one page that needs nothing else: no script, no
// picture, no address. It is made to be read in a browser and on paper, the
// verdict and its reasons first. Its policy for browsers forbids to load
// anything, whatever an outsider's text might smuggle in.
func HTML(w io.Writer, r *verify.Report) error {
	style, err := htmlFiles.ReadFile("html/style.css")
	if err != nil {
		return err
	}
	b := bufio.NewWriter(w)
	p := newPage(r)
	p.Style = template.CSS(style)
	if err := pageTemplate.ExecuteTemplate(b, "page.tmpl", p); err != nil {
		return err
	}
	return b.Flush()
}

// page is what the template shows. Every text in it has been through shown.
type page struct {
	Style    template.CSS
	Title    string
	Identity string // of the bundle, empty if it has none
	Time     string
	Verified bool
	Verdict  string // in capitals
	Sentence string // what the verdict rests on
	Waivers  []string
	Failures []finding
	Hidden   int // failures that only the table of checks shows
	Warnings []finding
	Sections []section
}

// finding is a failure, or warnings that say the same of several subjects.
type finding struct {
	ID, Detail string
	Facts      []fact
}

// section is a part of the page. Small ones stand open, long ones are folded; on
// paper all are open.
type section struct {
	ID, Title, Note string
	Facts           []fact
	Tables          []table
	Parts           []part
}

// part is a part of a section under a heading of its own, with a line that says
// what is in it when it is folded.
type part struct {
	ID, Title, Line string
	Open            bool
	Facts           []fact
	Tables          []table
}

type table struct {
	Title   string // above it, and what it is called for who cannot see it
	Fold    bool   // behind a line that opens it
	Columns []string
	Rows    [][]value
}

// fact is a label with its values, each on a line of its own.
type fact struct {
	Label  string
	Values []value
}

// value is a text, a digest or other text to be compared, or a word of status.
type value struct {
	Text   string
	Code   bool
	Break  bool   // holds a word too long for a narrow column
	Whole  bool   // is never broken
	Status string // pass, fail, warn or skip
	Link   string // of an anchor in the page
}
