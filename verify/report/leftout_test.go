package report_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/report"
)

// TestLeftOutShows wants what export left out in the text and in the HTML report, and
// no more of it in the text than a person reads.
func TestLeftOutShows(t *testing.T) {
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), fixture.Options())
	img := &rep.Images[0]
	img.LeftOut = []verify.LeftOut{
		{Subject: img.Digest, Text: "the registry would not say"},
		{Subject: img.Digest, Tag: "sha256-00.sig", Text: "the registry would not say"},
		{Subject: img.Digest, Digest: "sha256:1111", Type: "application/x-<b>", Text: "it cannot be read"},
	}
	for range 10 {
		img.LeftOut = append(img.LeftOut, img.LeftOut[2])
	}
	var text, html bytes.Buffer
	if err := report.Text(&text, rep); err != nil {
		t.Fatal(err)
	}
	if err := report.HTML(&html, rep); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(text.String(), "left out "); n != 5 || !strings.Contains(text.String(), "and 8 more") {
		t.Errorf("%d rows in the text:\n%s", n, &text)
	}
	for _, want := range []string{"Left out by export", "sha256-00.sig", "application/x-&lt;b&gt;", "it cannot be read"} {
		if !strings.Contains(html.String(), want) {
			t.Errorf("the HTML report has no %q", want)
		}
	}
}
