package report

import (
	"bufio"
	"embed"
	"fmt"
	"html/template"
	"io"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

//go:embed html
var htmlFiles embed.FS

var pageTemplate = template.Must(template.ParseFS(htmlFiles, "html/*.tmpl"))

// HTML writes the report as one page for a browser or for paper, the verdict and
// its reasons first. The page needs nothing else: no script, no picture, no
// network. Its content security policy forbids browsers to load anything, in case
// text from a bundle ever gets past the escaping.
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
	Unloaded string // what was loaded of a verified bundle, if that is not all
	Waivers  []string
	Failures []finding
	Hidden   int // failures that only the table of checks shows
	Warnings []finding
	Sections []section
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
	if p.Verified && r.Loaded != nil && !r.Loaded.Complete {
		p.Unloaded = Loading(r)
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
		loadedSection(r),
		evidenceSection(r),
		checksSection(r),
		blobsSection(r),
		bundleSection(r),
		transferSection(r),
		policySection(r),
		lockSection(r),
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

// openImages is how many images there may be for their parts to be open.
const openImages = 3

// imagesSection is a table of all images, followed by a part for each image with
// who signed it and when the signature was logged.
func imagesSection(r *verify.Report) section {
	s := section{
		ID:    "images",
		Title: "Images",
		Note:  "The digest names an image. The name is what was asked for at export; no signature covers a tag.",
	}
	if len(r.Images) == 0 {
		s.Facts = []fact{{"Images", []value{plain("none could be read")}}}
		return s
	}
	overview := table{
		Title:   "All images",
		Columns: []string{"No.", "Verdict", "Name", "Digest", "Signed by", "Trusted time"},
	}
	for i := range r.Images {
		img := &r.Images[i]
		by, when := signedBy(img)
		verdict, _ := imageVerdict(img, r)
		overview.Rows = append(overview.Rows, []value{
			imageLink(i), status(verdict), code(img.ClaimedReference), code(img.Digest), by, when,
		})
		p := imagePart(r, i)
		p.Open = len(r.Images) <= openImages
		s.Parts = append(s.Parts, p)
	}
	s.Tables = []table{overview}
	return s
}

func imageID(i int) string { return "image-" + strconv.Itoa(i+1) }

func imageLink(i int) value { return value{Text: strconv.Itoa(i + 1), Link: imageID(i)} }

// signedBy names who made the first signature that counts, and its trusted time.
func signedBy(img *verify.Image) (who, when value) {
	list := img.Vouching()
	if len(list) == 0 {
		if img.VouchedBy == check.VouchedBySender {
			return plain("UNSIGNED " + vouchedBy(img)), value{}
		}
		return plain("no signature counts"), value{}
	}
	first := list[0]
	name := signerNames(list)
	if img.VouchedBy != check.VouchedBySignature {
		name = vouchedBy(img)
	}
	if first.TrustedTime == nil {
		return plain(name), plain("no trusted time")
	}
	return plain(name), at(first.TrustedTime)
}

func imagePart(r *verify.Report, i int) part {
	img := &r.Images[i]
	verdict, why := imageVerdict(img, r)
	var f facts
	f.add("Verdict", status(verdict), plain(why))
	f.code("Digest", img.Digest)
	f.add("Name", code(img.ClaimedReference), plain(boundBy(img, r)))
	if img.VouchedBy == check.VouchedBySender {
		f.text("Vouched for", "UNSIGNED "+vouchedBy(img))
	} else {
		f.text("Vouched for", vouchedBy(img))
	}
	f.text("Platforms", strings.Join(img.Platforms, ", "))
	for j := range img.Signatures {
		f.add(fmt.Sprintf("Signature %d", j+1), signatureValues(r, img, &img.Signatures[j])...)
	}
	if len(img.Signatures) == 0 {
		f.text("Signatures", "none")
	}
	for j := range img.Attestations {
		a := &img.Attestations[j]
		values := append([]value{code(string(a.PredicateType))}, signatureValues(r, img, &a.Signature)...)
		f.add(fmt.Sprintf("Attestation %d", j+1), values...)
	}
	return part{
		ID:    imageID(i),
		Title: fmt.Sprintf("Image %d: %s", i+1, term.Shown(img.ClaimedReference)),
		Line: fmt.Sprintf("%s, %s, %s", term.Shown(string(verdict)),
			term.Count(len(img.Signatures), "signature", "signatures"),
			term.Count(len(img.Attestations), "attestation", "attestations")),
		Facts: f,
	}
}

// signatureValues describes a signature: whether it counts, who made it, and when.
func signatureValues(r *verify.Report, img *verify.Image, s *verify.Signature) []value {
	counts := value{Text: "COUNTS", Status: "pass"}
	if !s.Counts {
		counts = value{Text: "DOES NOT COUNT", Status: "skip"}
		if s.Good {
			counts.Text = "GOOD, OF A PLATFORM"
		}
	}
	list := []value{counts, code("in " + s.Digest), plain(string(s.Form))}
	if s.Subject != img.Digest {
		list = append(list, code("of "+s.Subject))
	}
	switch {
	case s.Identity != "":
		list = append(list, code("by "+string(s.Identity)), code("vouched for by "+string(s.Issuer)),
			plain(given("certified by ", string(s.CA))))
	case s.Key != "":
		key := string(s.Key)
		list = append(list, code("by "+key), plain(given("a key: ", keyName(r, key))))
	default:
		list = append(list, plain("no anchor vouches for who made it"))
	}
	return append(list, timeValues(r, s)...)
}

// timeValues say where a signature was logged, and when it was made.
func timeValues(r *verify.Report, s *verify.Signature) (list []value) {
	if l := s.Log; l != nil {
		entry := fmt.Sprintf("entry %d (%s) of the log", l.LogIndex, l.Kind)
		if l.IntegratedTime != nil {
			entry = "logged " + moment(l.IntegratedTime) + ", " + entry
		}
		list = append(list, plain(entry), code(logName(r, l.LogID)))
	} else {
		list = append(list, plain("no entry of a trusted log"))
	}
	if s.TimeSource == "tsa" {
		list = append(list, plain("stamped "+moment(s.TrustedTime)+given(" by ", string(s.TSA))))
	}
	return list
}
