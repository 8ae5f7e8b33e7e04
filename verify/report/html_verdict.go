package report

import (
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

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
