package report

import (
	"cmp"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// JUnit writes the report as a JUnit XML document, in the form that the surefire
// plugin gave it and that CI servers read: a suite for the bundle as a whole and
// one for each image, a case for each check. A check of a blob that several
// images share stands in the suite of each. Each suite begins with a case for its
// verdict, so that no suite of a rejected bundle is all green. A warning is a
// case that passes and says so in its output.
func JUnit(w io.Writer, r *verify.Report) error {
	doc := suites(r)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(doc); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

// The elements, in the order that schemas of the form demand.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		Name    string   `xml:"name,attr"`
		junitCounts
		Suites []*junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name string `xml:"name,attr"`
		junitCounts
		Time       string          `xml:"time,attr"` // nothing is timed
		Timestamp  string          `xml:"timestamp,attr"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitCounts struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
		Errors   int `xml:"errors,attr"`
		Skipped  int `xml:"skipped,attr"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Name    string       `xml:"name,attr"`
		Class   string       `xml:"classname,attr"`
		Time    string       `xml:"time,attr"`
		Skipped *junitResult `xml:"skipped"`
		Failure *junitResult `xml:"failure"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitResult struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

func (c *junitCounts) add(o junitCounts) {
	c.Tests += o.Tests
	c.Failures += o.Failures
	c.Skipped += o.Skipped
}

// newSuite begins with what every suite tells of the run.
func newSuite(name string, r *verify.Report) *junitSuite {
	s := &junitSuite{Name: term.Shown(name), Time: "0", Timestamp: r.VerifiedAt.UTC().Format("2006-01-02T15:04:05")}
	for _, p := range [][2]string{
		{"bundle.path", r.Bundle.Path}, {"bundle.identity", string(r.Bundle.Identity)}, {"bundle.fileDigest", string(r.Bundle.FileDigest)},
		{"bundle.size", strconv.FormatInt(r.Bundle.Size, 10)}, {"verdict", string(r.Verdict)},
		{"verifiedAt", r.VerifiedAt.UTC().Format(time.RFC3339)}, {"clock", r.Clock.Source},
		{"tool", r.Tool.Name + " " + r.Tool.Version}, {"tool.digest", string(r.Tool.Digest)}, {"command", term.Command(r.Command)},
	} {
		s.property(p[0], p[1])
	}
	for _, w := range r.Waivers {
		s.property("waiver", w)
	}
	return s
}

func (s *junitSuite) property(name, value string) {
	if value != "" {
		s.Properties = append(s.Properties, junitProperty{name, term.Shown(value)})
	}
}

// suites lays the checks out: those of an image in its own suite, all others in
// that of the bundle. An image under several names has one suite.
func suites(r *verify.Report) *junitSuites {
	doc := &junitSuites{Name: "gapseal verify", Suites: []*junitSuite{newSuite("bundle "+r.Bundle.Path, r)}}
	bundle, images := doc.Suites[0], map[string]*junitSuite{}
	bundle.verdict(r.Verdict, "the bundle is rejected", r.Failures)
	for i := range r.Images {
		img := &r.Images[i]
		if s := images[img.Digest]; s != nil {
			s.reference(img, r)
			continue
		}
		s := imageSuite(img, r)
		images[img.Digest], doc.Suites = s, append(doc.Suites, s)
	}
	placeChecks(r, bundle, images)
	for _, s := range doc.Suites {
		doc.add(s.junitCounts)
	}
	return doc
}

func placeChecks(r *verify.Report, bundle *junitSuite, images map[string]*junitSuite) {
	owned := owners(r)
	for i := range r.Checks {
		c, placed := &r.Checks[i], false
		for _, d := range owned.images(string(c.Subject)) {
			if s := images[d]; s != nil {
				s.check(c)
				placed = true
			}
		}
		if !placed {
			bundle.check(c)
		}
	}
}

func imageSuite(img *verify.Image, r *verify.Report) *junitSuite {
	s := newSuite("image "+img.ClaimedReference+" "+img.Digest, r)
	s.property("image.digest", img.Digest)
	s.reference(img, r)
	s.property("image.platforms", strings.Join(img.Platforms, ", "))
	return s
}

// reference adds a name of the image, and what holds for that name. The image is
// verified only if it is so under each.
func (s *junitSuite) reference(img *verify.Image, r *verify.Report) {
	verdict, why := imageVerdict(img, r)
	if len(s.Cases) == 0 || verdict != check.Verified && s.Failures == 0 {
		s.Cases, s.junitCounts = nil, junitCounts{}
		s.verdict(verdict, cmp.Or(why, "the image is rejected"), nil)
	}
	s.property("image.claimedReference", img.ClaimedReference)
	s.property("image.boundBy", string(img.BoundBy))
	s.property("image.verdict", string(verdict))
}

// verdict opens a suite with the answer that its cases lead to.
func (s *junitSuite) verdict(v check.Verdict, rejected string, failures []verify.Check) {
	c := junitCase{Name: "verdict", Class: "gapseal.verdict", Time: "0"}
	if v != check.Verified {
		c.Failure = &junitResult{Message: rejected, Type: "verdict"}
		if len(failures) > 0 {
			c.Failure.Text = "first cause: " + term.Shown(string(failures[0].ID)+": "+failures[0].Detail)
		}
	}
	s.append(c)
}

// check adds a case for a check, named by its id and its subject.
func (s *junitSuite) check(c *verify.Check) {
	tc := junitCase{Name: term.Shown(string(c.ID)), Class: "gapseal." + term.Shown(c.Class), Time: "0"}
	if c.Subject != "" {
		tc.Name += " " + term.Shown(string(c.Subject))
	}
	message := term.Shown(c.Detail)
	switch c.Status {
	case check.Pass:
	case check.Skip:
		tc.Skipped = &junitResult{Message: message}
	case check.Warn:
		tc.Out = "WARNING " + message + "\n" + caseText(c)
	default:
		tc.Failure = &junitResult{Message: message, Type: term.Shown(string(c.ID)), Text: caseText(c)}
	}
	s.append(tc)
}

func (s *junitSuite) append(c junitCase) {
	s.Cases = append(s.Cases, c)
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Skipped != nil {
		s.Skipped++
	}
}

// caseText says what was expected, what was found and what to do, a line each;
// the keys of trust.key, which gapseal encoded itself, have their own lines.
func caseText(c *verify.Check) string {
	var b strings.Builder
	for _, f := range []struct {
		label string
		value verify.Text
	}{{"subject", c.Subject}, {"expected", c.Expected}, {"found", c.Found}, {"to do", c.Remedy}} {
		if f.value != "" {
			b.WriteString(f.label + ": " + strings.Join(valueLines(c, f.value), "\n") + "\n")
		}
	}
	return b.String()
}
