package report

import (
	"cmp"
	"encoding/xml"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// JUnit writes the report as a JUnit XML document, in the form of Maven's
// surefire plugin, which CI servers read: a suite for the bundle as a whole, a
// suite for each image, and a case for each check. A check of a blob that several
// images share appears in the suite of each. Each suite begins with a case for
// its verdict, so that no suite of a rejected bundle passes completely. A warning
// is a case that passes, with the warning as its output. An image that was to be loaded has
// a case for that, too, which fails unless it was loaded.
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

// The elements, in the order that schemas of JUnit XML demand.
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

// newSuite returns a suite with the properties of the run.
func newSuite(name string, r *verify.Report) *junitSuite {
	s := &junitSuite{
		Name:      term.Shown(name),
		Time:      "0",
		Timestamp: r.VerifiedAt.UTC().Format("2006-01-02T15:04:05"),
	}
	s.property("bundle.path", r.Bundle.Path)
	s.property("bundle.identity", string(r.Bundle.Identity))
	s.property("bundle.fileDigest", string(r.Bundle.FileDigest))
	s.property("bundle.size", strconv.FormatInt(r.Bundle.Size, 10))
	s.property("verdict", string(r.Verdict))
	s.property("verifiedAt", r.VerifiedAt.UTC().Format(time.RFC3339))
	s.property("clock", r.Clock.Source)
	s.property("tool", r.Tool.Name+" "+r.Tool.Version)
	s.property("tool.digest", string(r.Tool.Digest))
	s.property("command", term.Command(r.Command))
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

// suites sorts the checks into suites: those of an image into its own suite, all
// others into that of the bundle. An image under several names has one suite.
func suites(r *verify.Report) *junitSuites {
	bundle := newSuite("bundle "+r.Bundle.Path, r)
	doc := &junitSuites{Name: "gapseal verify", Suites: []*junitSuite{bundle}}
	images := map[string]*junitSuite{}
	bundle.verdict(r.Verdict, "the bundle is rejected", r.Failures)
	for i := range r.Images {
		img := &r.Images[i]
		if s := images[img.Digest]; s != nil {
			s.reference(img, r)
			continue
		}
		s := imageSuite(img, r)
		images[img.Digest] = s
		doc.Suites = append(doc.Suites, s)
	}
	placeChecks(r, bundle, images)
	placeLoads(r, bundle, images)
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

// placeLoads adds a case for each image that was to be loaded.
func placeLoads(r *verify.Report, bundle *junitSuite, images map[string]*junitSuite) {
	if r.Loaded == nil {
		return
	}
	for i := range r.Loaded.Images {
		img := &r.Loaded.Images[i]
		s := images[img.Digest]
		if s == nil {
			s = bundle
		}
		s.load(r.Loaded, img)
	}
}

// load adds the case of an image that was to be loaded.
func (s *junitSuite) load(l *verify.Loaded, img *verify.LoadedImage) {
	c := junitCase{Name: term.Shown("load " + img.Reference + " to " + Place(img)), Class: "gapseal.load", Time: "0"}
	switch {
	case img.Skipped != "":
		c.Skipped = &junitResult{Message: term.Shown(string(img.Skipped))}
	case img.Error != "":
		first, _, _ := strings.Cut(string(img.Error), "\n")
		c.Failure = &junitResult{Message: term.Shown(first), Type: "load", Text: term.EscapeLines(string(img.Error))}
	default:
		c.Out = arrived(l, img)
	}
	s.append(c)
}

func imageSuite(img *verify.Image, r *verify.Report) *junitSuite {
	s := newSuite("image "+img.ClaimedReference+" "+img.Digest, r)
	s.property("image.digest", img.Digest)
	s.reference(img, r)
	s.property("image.platforms", strings.Join(img.Platforms, ", "))
	return s
}

// reference adds a name of the image and the verdict under that name. The image
// is verified only if it is verified under each of its names.
func (s *junitSuite) reference(img *verify.Image, r *verify.Report) {
	verdict, why := imageVerdict(img, r)
	if len(s.Cases) == 0 || verdict != check.Verified && s.Failures == 0 {
		s.Cases = nil
		s.junitCounts = junitCounts{}
		s.verdict(verdict, cmp.Or(why, "the image is rejected"), nil)
	}
	s.property("image.claimedReference", img.ClaimedReference)
	s.property("image.boundBy", string(img.BoundBy))
	s.property("image.vouchedBy", string(img.VouchedBy))
	s.property("image.vouchedType", string(img.VouchedType))
	s.property("image.verdict", string(verdict))
}

// verdict adds the first case of a suite: its verdict.
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

// caseText says what was expected, what was found and what to do, each on a line
// of its own. Only keys take several lines; see [valueLines].
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

// maxOwners bounds how many images a digest is counted for. Otherwise blobs that
// many images share would multiply the report.
const maxOwners = 16

// ownership maps a digest to the digests of the images that it belongs to.
type ownership map[string][]string

// owners collects the digests that belong to each image: its own, those of its
// evidence, and those of its blobs.
func owners(r *verify.Report) ownership {
	o := ownership{}
	for i := range r.Images {
		img := &r.Images[i]
		o.note(img.Digest, img.Digest)
		for j := range img.Signatures {
			o.note(img.Digest, img.Signatures[j].Digest, img.Signatures[j].Subject)
		}
		for j := range img.Attestations {
			o.note(img.Digest, img.Attestations[j].Digest, img.Attestations[j].Subject)
		}
		for j := range img.Evidence {
			o.note(img.Digest, img.Evidence[j].Digest, img.Evidence[j].Subject)
		}
	}
	for i := range r.Blobs {
		for _, d := range r.Blobs[i].Images {
			o.note(d, r.Blobs[i].Digest)
		}
	}
	return o
}

func (o ownership) note(image string, digests ...string) {
	for _, d := range digests {
		if of := o[d]; len(of) < maxOwners && !slices.Contains(of, image) {
			o[d] = append(of, image)
		}
	}
}

// images returns the images that the subject of a check belongs to. The subject
// is a digest, perhaps with the number of a layer, or the path of a blob.
func (o ownership) images(of string) []string {
	of = subject(of)
	if list := o[of]; list != nil {
		return list
	}
	digest, _, _ := strings.Cut(of, "#")
	return o[digest]
}
