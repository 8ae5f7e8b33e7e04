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

// HTML writes the report as one page for a browser or for paper, the verdict and
// its reasons first. The page needs nothing else: no script, no picture, no
// network. Its content security policy forbids browsers to load anything, so that
// even a text from a bundle that got through the escaping could not.
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

// page is what the template shows. Every text in it has been through
// [term.Shown].
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

// finding is a failure, or a group of warnings that say the same of several
// subjects.
type finding struct {
	ID, Detail string
	Facts      []fact
}

// section is a part of the page. Long tables in it are folded on the screen and
// open on paper.
type section struct {
	ID, Title, Note string
	Facts           []fact
	Tables          []table
	Parts           []part
}

// part is a part of a section that can be folded, under a heading and a line that
// sums it up.
type part struct {
	ID, Title, Line string
	Open            bool
	Facts           []fact
	Tables          []table
}

type table struct {
	Title   string // above it
	Fold    bool   // shown on a click only
	Columns []string
	Rows    [][]value
}

// fact is a label with its values, each on a line of its own.
type fact struct {
	Label  string
	Values []value
}

// value is a plain text, a text to be compared such as a digest, or a status.
type value struct {
	Text   string
	Code   bool
	Break  bool   // holds a word that is too long for a narrow column
	Whole  bool   // never broken
	Status string // pass, fail, warn or skip
	Link   string // to an id in the page
}

// maxWarned bounds the subjects named for one warning above the tables.
const maxWarned = 10

func newPage(r *verify.Report) *page {
	p := &page{
		Title:    bundleName(r),
		Identity: term.Shown(string(r.Bundle.Identity)),
		Time:     term.Shown(judgedAt(r)),
		Verified: r.Verdict == check.Verified,
		Verdict:  strings.ToUpper(string(r.Verdict)),
		Sentence: sentence(r),
		Waivers:  shownAll(r.Waivers),
	}
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

// sections returns the parts of the page after the verdict. Some may be empty.
func sections(r *verify.Report) []section {
	return []section{
		imagesSection(r),
		evidenceSection(r),
		checksSection(r),
		blobsSection(r),
		bundleSection(r),
		transferSection(r),
		policySection(r),
		sealSection(r),
		anchorsSection(r),
		runSection(r),
	}
}

// sentence says in one line what the verdict rests on.
func sentence(r *verify.Report) string {
	if r.Verdict != check.Verified {
		s := term.Count(len(r.Failures), "check", "checks") + " failed."
		if len(r.Failures) > 0 {
			s += " First cause: " + term.Shown(string(r.Failures[0].ID)) + "."
		}
		return s + " Do not use what the bundle holds."
	}
	passed, warned := 0, 0
	for i := range r.Checks {
		switch r.Checks[i].Status {
		case check.Pass:
			passed++
		case check.Warn:
			warned++
		}
	}
	waivers := term.Count(len(r.Waivers), "waiver", "waivers")
	warnings := term.Count(max(0, warned-len(r.Waivers)), "warning", "warnings")
	blobs := term.Count(r.Totals.Blobs, "blob", "blobs")
	return fmt.Sprintf("No check failed; %d passed, with %s and %s. Every byte of %s in %s is accounted for%s.",
		passed, waivers, warnings, size(r.Totals.Bytes), blobs, unjudged(r, "; ", size))
}

// failure shows a failed check with everything that is known about it.
func failure(c *verify.Check) finding {
	var f facts
	f.code("Subject", string(c.Subject))
	f.code("Expected", valueLines(c, c.Expected)...)
	f.code("Found", valueLines(c, c.Found)...)
	f.text("To do", string(c.Remedy))
	return finding{ID: term.Shown(string(c.ID)), Detail: term.Shown(c.Detail), Facts: f}
}

// warned shows a group of warnings that say the same, with their subjects.
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

// longWord is the length beyond which a word is broken in a narrow column.
const longWord = 24

func plain(s string) value {
	v := value{Text: term.Shown(s)}
	for _, word := range strings.Fields(v.Text) {
		v.Break = v.Break || len(word) > longWord
	}
	return v
}

// at returns a time as a value that is never broken.
func at(t *time.Time) value { return value{Text: moment(t), Whole: true} }

// code returns a text that is to be compared letter by letter.
func code(s string) value { return value{Text: term.Shown(s), Code: true} }

// statusLook gives the style of a status. Each style has a border of its own, so
// that no meaning depends on colour alone.
var statusLook = map[string]string{
	string(check.Pass):     "pass",
	string(check.Warn):     "warn",
	string(check.Skip):     "skip",
	string(check.Fail):     "fail",
	string(check.Verified): "pass",
	string(check.Rejected): "fail",
	string(check.Intact):   "pass",
	string(check.Unread):   "warn",
	string(check.Damaged):  "fail",
	string(check.Missing):  "fail",
	string(check.Unlisted): "fail",
}

func status[T ~string](s T) value {
	if look := statusLook[string(s)]; look != "" {
		return value{Text: strings.ToUpper(string(s)), Status: look}
	}
	return plain(string(s))
}

// facts collects labels with their values. Empty values are left out, as is a
// label without a value.
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

// moment writes a time in UTC. It returns "" for no time.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// size writes a number of bytes in full, and a long one also in larger units.
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
