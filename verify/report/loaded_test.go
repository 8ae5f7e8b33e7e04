package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// loadedSample is the report of a load of which one image failed.
func loadedSample(t *testing.T) *verify.Report {
	t.Helper()
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), fixture.Options())
	rep.Loaded = &verify.Loaded{
		Destination: "registry.plant:5000/mirror",
		Images: []verify.LoadedImage{
			{
				Reference: "ghcr.io/acme/app:v1", Digest: zeros, Destination: "registry.plant:5000/mirror/acme/app",
				Tag: "v1", Before: "other " + zeros, Evidence: 2, ReadBack: true,
				Blobs:     verify.BlobCounts{Sent: 3, Present: 1, Mounted: 2, Bytes: 2048},
				Platforms: []string{"linux/amd64"}, LeftOut: []string{"linux/arm64", "linux/s390x"},
				Notes: []string{"a note\x1b[2J"},
			},
			{
				Reference: "ghcr.io/acme/db", Digest: zeros, Destination: "registry.plant:5000/mirror/acme/db",
				Before: "absent", Error: "refused\nask for the right to push", Notes: []string{},
			},
		},
		Unreferenced: []verify.LoadedBlob{},
	}
	rep.Loaded.Images = append(rep.Loaded.Images, verify.LoadedImage{
		Reference: "ghcr.io/acme/chart:1", Digest: zeros, Before: "absent", Skipped: "a chart", Notes: []string{},
	})
	return rep
}

func TestTextSaysWhatWasLoaded(t *testing.T) {
	text := render(t, loadedSample(t))
	_, got, _ := strings.Cut(text, "\nLoaded ")
	want := `  ` + zeros + `
from     ghcr.io/acme/app:v1
for      linux/amd64; not loaded: linux/arm64, linux/s390x
to       registry.plant:5000/mirror/acme/app:v1
         (was
         ` + zeros + `)
with     2 pieces of evidence; 3 blobs sent (2.0 KiB), 2 mounted, 1 there
         before; all was read back
note     a note\x1b[2J

FAILED to load ghcr.io/acme/db
to       registry.plant:5000/mirror/acme/db@` + zeros[:36] + `
         ` + zeros[36:] + `
why      refused
         ask for the right to push

Skipped  ghcr.io/acme/chart:1
         a chart

Loaded only 1 of 2 images into registry.plant:5000/mirror; 1 skipped
`
	if strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(want), "") {
		t.Errorf("found\n%s\nwant\n%s", got, want)
	}
}

func TestTextOfALoadIntoAFile(t *testing.T) {
	rep := loadedSample(t)
	rep.Loaded.Destination = "oci:registry"
	contains(t, render(t, rep), "\nas       registry.plant:5000/mirror/acme/app:v1\n", "3 blobs written (2.0 KiB)")
}

func TestTextSaysWhatIsLeftOfARejectedLoad(t *testing.T) {
	rep := fixture.Verify(t, fixture.Bundle(t, "wrongkey:v1"), fixture.Options())
	rep.Loaded = &verify.Loaded{
		Destination: "registry.plant", Images: []verify.LoadedImage{},
		Unreferenced: []verify.LoadedBlob{{Repository: "registry.plant/acme/app", Digest: zeros, Size: 7}},
	}
	contains(t, render(t, rep),
		"\nleft     sha256:000000000000… in registry.plant/acme/app, which nothing names\n",
		"\nLoaded nothing into registry.plant: no image there is new or changed; 1 blob was\n    sent before the verdict\n")
}

func TestThePageSaysWhatWasLoaded(t *testing.T) {
	page := written(t, "html", loadedSample(t))
	contains(t, page, "registry.plant:5000/mirror/acme/app:v1",
		"loaded only 1 of 2 images", "linux/amd64; not loaded: linux/arm64, linux/s390x",
		"refused ask for the right", "a chart")
	if strings.Contains(page, "\x1b") {
		t.Error("the page has a control character")
	}
}

// A CI that reads only the JUnit file must not see green if an image was not loaded.
func TestJUnitHasACaseForEachImageToBeLoaded(t *testing.T) {
	rep := loadedSample(t)
	rep.Loaded.Images[0].Digest = rep.Images[0].Digest
	var b bytes.Buffer
	if err := JUnit(&b, rep); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`failures="1" errors="0" skipped="2">`,
		`<testcase name="load ghcr.io/acme/app:v1 to registry.plant:5000/mirror/acme/app:v1" classname="gapseal.load" ` +
			`time="0">` + "\n      <system-out>2 pieces of evidence; ",
		`classname="gapseal.load" time="0">` + "\n" + `      <failure message="refused" type="load">`,
		`<skipped message="a chart"`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("want %s in\n%s", want, b.String())
		}
	}
}

func TestCosignsFormatIsEmptyIfNotAllWasLoaded(t *testing.T) {
	rep := loadedSample(t)
	for complete, empty := range map[bool]bool{true: false, false: true} {
		rep.Loaded.Complete = complete
		var b bytes.Buffer
		if err := Cosign(&b, rep); err != nil || (b.String() == "[]\n") != empty {
			t.Errorf("complete %v: %v %s", complete, err, b.String())
		}
	}
}

// Above the tables, the page must not show only that the bundle is verified.
func TestHTMLSaysAboveThatNotAllWasLoaded(t *testing.T) {
	rep := loadedSample(t)
	for complete, says := range map[bool]bool{true: false, false: true} {
		rep.Loaded.Complete = complete
		var b bytes.Buffer
		if err := HTML(&b, rep); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(b.String(), "</section>")
		const want = `NOT ALL LOADED</span> loaded only 1 of 2 images into registry.plant:5000/mirror; 1 skipped; `
		if strings.Contains(head, want) != says {
			t.Errorf("complete %v: %s", complete, head)
		}
	}
}

func TestUnfinishedLoads(t *testing.T) {
	rep := loadedSample(t)
	for unfinished, want := range map[verify.Text]string{
		verify.LoadBegun:       "began to load 2 images into registry.plant:5000/mirror; 1 skipped",
		verify.LoadInterrupted: "interrupted; loaded only 1 of 2 images into registry.plant:5000/mirror; 1 skipped",
	} {
		rep.Loaded.Unfinished = unfinished
		if got := Loading(rep); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	rep.Loaded.Unfinished = verify.LoadBegun
	if text := render(t, rep); strings.Contains(text, "FAILED") || !strings.Contains(text, "Began to load ghcr.io/acme/db") {
		t.Error(text)
	}
}
