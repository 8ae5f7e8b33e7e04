package report

import (
	"cmp"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

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
