package report

import (
	"encoding/xml"
	"slices"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

func ingest(t *testing.T, rep *verify.Report) []junit.Suite {
	t.Helper()
	list, err := junit.IngestReader(strings.NewReader(written(t, "junit", rep)))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A common reader of the format finds a suite for the bundle, one for each image,
// and a case for each check.
func TestJUnitIsRead(t *testing.T) {
	rep := sample(t, "app:v1", "multi:v1")
	list := ingest(t, rep)
	var names []string
	cases := 0
	for _, s := range list {
		names = append(names, s.Name)
		cases += s.Totals.Tests - 1 // the verdict
		if s.Totals.Failed+s.Totals.Error != 0 || s.Tests[0].Name != "verdict" {
			t.Errorf("%s: %+v, first %s", s.Name, s.Totals, s.Tests[0].Name)
		}
		if s.Properties["tool"] != "gapseal v0.1.0" || s.Properties["command"] == "" || s.Properties["bundle.identity"] != string(rep.Bundle.Identity) {
			t.Errorf("%s: properties %v", s.Name, s.Properties)
		}
	}
	want := []string{"bundle /media/usb/app.tar",
		"image registry.example.com/acme/app:v1 sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226",
		"image registry.example.com/acme/multi:v1 sha256:4138fb4fac96dea7202c575be1dfdbedb3aa5f6d32b551eb5092de56a7cd67b6"}
	if !slices.Equal(names, want) || cases != len(rep.Checks) {
		t.Errorf("suites %q with %d cases, want %d", names, cases, len(rep.Checks))
	}
}

// A failure says what was expected, what was found and what to do. A failure of
// one image appears in its suite, and the suites of the others do not pass
// either.
func TestJUnitOfAFailure(t *testing.T) {
	rep := sample(t, "multi:v1", "wrongkey:v1")
	list := ingest(t, rep)
	var failed []string
	for _, s := range list {
		for _, c := range s.Tests {
			if c.Status == junit.StatusFailed {
				failed = append(failed, strings.Fields(s.Name)[0]+" "+strings.Fields(c.Name)[0])
			}
		}
	}
	if want := []string{"bundle verdict", "image verdict", "image verdict", "image trust.key"}; !slices.Equal(failed, want) {
		t.Errorf("failed: %q, want %q", failed, want)
	}
	i := slices.IndexFunc(list[2].Tests, func(c junit.Test) bool { return c.Status == junit.StatusFailed && c.Name != "verdict" })
	e, ok := list[2].Tests[i].Error.(junit.Error)
	if !ok || e.Type != "trust.key" || !strings.Contains(e.Message, "not pinned") {
		t.Errorf("%+v", list[2].Tests[i].Error)
	}
	contains(t, e.Body, "expected: sha256:eeba37a0", "-----BEGIN PUBLIC KEY-----\n", "found: sha256:cbd29da1", "to do: ")
}

// Skipped checks and warnings appear, and fail nothing.
func TestJUnitOfSkipAndWarning(t *testing.T) {
	var skipped, warned int
	for _, s := range ingest(t, sample(t, "app:v1")) {
		for _, c := range s.Tests {
			if c.Status == junit.StatusSkipped && c.Message != "" {
				skipped++
			}
			if c.Status == junit.StatusPassed && strings.HasPrefix(c.SystemOut, "WARNING ") {
				warned++
			}
		}
	}
	if skipped == 0 || warned != 1 {
		t.Errorf("%d skipped, %d warned of", skipped, warned)
	}
}

// A check of a blob that images share appears in the suite of each, a check of a
// blob of no image in that of the bundle. An image under two names has one suite.
func TestJUnitOfSharedBlobs(t *testing.T) {
	shared, lone := digestOf(1), digestOf(2)
	rep := rejected(verify.Check{ID: check.BlobDigest, Class: "blob", Subject: verify.Text(blobFolder + strings.TrimPrefix(shared, "sha256:"))}, verify.Check{ID: check.BlobDigest, Class: "blob", Subject: verify.Text(lone)})
	rep.Images = []verify.Image{{Digest: digestOf(3), ClaimedReference: "a", Verdict: check.Verified}, {Digest: digestOf(4), ClaimedReference: "b", Verdict: check.Rejected}, {Digest: digestOf(3), ClaimedReference: "c", Verdict: check.Rejected}}
	rep.Blobs = []verify.Blob{{Digest: shared, Images: []string{digestOf(3), digestOf(4)}}}
	list := ingest(t, rep)
	if len(list) != 3 {
		t.Fatalf("%d suites, want 3", len(list))
	}
	for i, want := range []string{"blob.digest " + lone, "blob.digest " + blobFolder + shared[7:], "blob.digest " + blobFolder + shared[7:]} {
		if s := list[i]; len(s.Tests) != 2 || s.Tests[1].Name != want || s.Totals.Failed != 2 {
			t.Errorf("%s: %+v, want the verdict and %s, both failed", s.Name, s.Tests, want)
		}
	}
}

// The counts that schemas of the format demand are those of the cases.
func TestJUnitCounts(t *testing.T) {
	var doc junitSuites
	if err := xml.Unmarshal([]byte(written(t, "junit", sample(t, "app:v1", "unsigned:v1"))), &doc); err != nil {
		t.Fatal(err)
	}
	var all junitCounts
	for _, s := range doc.Suites {
		var c junitCounts
		for i := range s.Cases {
			c.Tests++
			if s.Cases[i].Failure != nil {
				c.Failures++
			}
			if s.Cases[i].Skipped != nil {
				c.Skipped++
			}
		}
		if c != s.junitCounts {
			t.Errorf("%s: counts %+v, want %+v", s.Name, s.junitCounts, c)
		}
		all.add(c)
	}
	if all != doc.junitCounts || all.Failures == 0 {
		t.Errorf("counts %+v, want %+v", doc.junitCounts, all)
	}
}
