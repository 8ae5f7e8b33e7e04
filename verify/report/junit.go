package report

import (
	"encoding/xml"
	"io"
	"strconv"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
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
