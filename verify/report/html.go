package report

import (
	"bufio"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
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

// maxWarned bounds the subjects named for one warning above the tables.
const maxWarned = 10

func newPage(r *verify.Report) *page {
	p := &page{Verified: r.Verdict == check.Verified, Verdict: strings.ToUpper(string(r.Verdict)), Title: bundleName(r), Waivers: shownAll(r.Waivers)}
	p.Identity, p.Time = term.Shown(string(r.Bundle.Identity)), term.Shown(judgedAt(r))
	p.Sentence = sentence(r)
	for i := range r.Failures {
		if i == maxFailures {
			p.Hidden = len(r.Failures) - i
			break
		}
		p.Failures = append(p.Failures, failure(&r.Failures[i]))
	}
	for _, alike := range warnings(r) {
		p.Warnings = append(p.Warnings, warned(alike))
	}
	for _, s := range sections(r) {
		if len(s.Facts)+len(s.Tables)+len(s.Parts) > 0 {
			p.Sections = append(p.Sections, s)
		}
	}
	return p
}

// sections are the parts of the page behind the verdict, some of them empty.
func sections(r *verify.Report) []section {
	return []section{
		imagesSection(r), evidenceSection(r), checksSection(r), blobsSection(r), bundleSection(r),
		transferSection(r), policySection(r), sealSection(r), anchorsSection(r), runSection(r),
	}
}

func bundleName(r *verify.Report) string {
	if r.Bundle.Path == "-" || r.Bundle.Path == "" {
		return "standard input"
	}
	return term.Shown(r.Bundle.Path)
}

// sentence says what the verdict rests on.
func sentence(r *verify.Report) string {
	passed, warnings := 0, 0
	for i := range r.Checks {
		switch r.Checks[i].Status {
		case check.Pass:
			passed++
		case check.Warn:
			warnings++
		}
	}
	if r.Verdict != check.Verified {
		s := fmt.Sprintf("%s failed.", term.Count(len(r.Failures), "check", "checks"))
		if len(r.Failures) > 0 {
			s += " First cause: " + term.Shown(string(r.Failures[0].ID)) + "."
		}
		return s + " Do not use what the bundle holds."
	}
	s := fmt.Sprintf("No check failed; %d passed, with %s and %s.", passed, term.Count(len(r.Waivers), "waiver", "waivers"), term.Count(max(0, warnings-len(r.Waivers)), "warning", "warnings"))
	return s + fmt.Sprintf(" Every byte of %s in %s is accounted for%s.", size(r.Totals.Bytes), term.Count(r.Totals.Blobs, "blob", "blobs"), unjudged(r, "; ", size))
}

// failure shows a failed check with all that was said of it.
func failure(c *verify.Check) finding {
	var f facts
	f.code("Subject", string(c.Subject))
	f.code("Expected", valueLines(c, c.Expected)...)
	f.code("Found", valueLines(c, c.Found)...)
	f.text("To do", string(c.Remedy))
	return finding{ID: term.Shown(string(c.ID)), Detail: term.Shown(c.Detail), Facts: f}
}

// warned shows warnings that say the same, with what they are about.
func warned(alike []*verify.Check) finding {
	var f facts
	var about []string
	for i, c := range alike {
		if i == maxWarned {
			about = append(about, fmt.Sprintf("and %d more, below among all checks", len(alike)-i))
			break
		}
		found, _, _ := strings.Cut(string(c.Found), "\n")
		about = append(about, strings.TrimSpace(string(c.Subject)+" "+found))
	}
	f.code("About", about...)
	f.text("To do", string(alike[0].Remedy))
	return finding{ID: term.Shown(string(alike[0].ID)), Detail: term.Shown(warning(alike[0])), Facts: f}
}

// longWord is how long a word may be that a narrow column does not break.
const longWord = 24

func plain(s string) value {
	v := value{Text: term.Shown(s)}
	for _, word := range strings.Fields(v.Text) {
		v.Break = v.Break || len(word) > longWord
	}
	return v
}

// at is a time.
func at(t *time.Time) value { return value{Text: moment(t), Whole: true} }

// code is a text to be compared letter by letter.
func code(s string) value { return value{Text: term.Shown(s), Code: true} }

// statusLook says how a word of status looks: in a border of its own kind, so
// that nothing rests on colour alone.
var statusLook = map[string]string{
	"pass": "pass", "verified": "pass", "intact": "pass", "warn": "warn", "unread": "warn", "skip": "skip",
	"fail": "fail", "rejected": "fail", "damaged": "fail", "missing": "fail", "unlisted": "fail",
}

func status[T ~string](s T) value {
	if look := statusLook[string(s)]; look != "" {
		return value{Text: strings.ToUpper(string(s)), Status: look}
	}
	return plain(string(s))
}

// facts collects rows of a label and its values; what is empty is left out.
type facts []fact

func (f *facts) add(label string, values ...value) {
	kept := values[:0]
	for _, v := range values {
		if v.Text != "" {
			kept = append(kept, v)
		}
	}
	if len(kept) > 0 {
		*f = append(*f, fact{label, kept})
	}
}

func (f *facts) text(label string, values ...string) { f.add(label, mapped(plain, values)...) }

func (f *facts) code(label string, values ...string) { f.add(label, mapped(code, values)...) }

func mapped(form func(string) value, list []string) []value {
	values := make([]value, len(list))
	for i, s := range list {
		values[i] = form(s)
	}
	return values
}

// moment writes a time in UTC, empty if there is none.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// size writes a number of bytes in full, and for people where that is long.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d bytes (%s)", n, term.Bytes(n))
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
