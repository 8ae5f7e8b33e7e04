package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// There is a line for each file of the bundle, with its digest.
func TestSHA256Files(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "multi:v1")
	want := map[string]bool{}
	for _, f := range fixture.Files(raw) {
		sum := sha256.Sum256(f.Data)
		want[hex.EncodeToString(sum[:])+"  "+f.Name+"\n"] = true
	}
	for line := range strings.Lines(written(t, "sha256-files", fixture.Verify(t, raw, fixture.Options()))) {
		if !want[line] {
			t.Errorf("%q belongs to no file, or is there twice", line)
		}
		delete(want, line)
	}
	if len(want) > 0 {
		t.Errorf("no lines: %v", want)
	}
}

// A damaged blob has the line that it should have, and a blob that should not be
// there has none.
func TestSHA256FilesOfARejectedBundle(t *testing.T) {
	rep := rejected()
	rep.Blobs = []verify.Blob{{Digest: digestOf(1), State: "damaged"}, {Digest: digestOf(2), State: check.Unlisted}, {Digest: digestOf(3), State: "missing"}, {Digest: "sha256:short"}}
	hex1, hex3 := digestOf(1)[7:], digestOf(3)[7:]
	if got, want := written(t, "sha256-files", rep), markerDigest+"  oci-layout\n"+hex1+"  blobs/sha256/"+hex1+"\n"+hex3+"  blobs/sha256/"+hex3+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestSHA256NeedsTheFileDigest(t *testing.T) {
	for _, d := range []verify.Text{"", "sha256:0", "sha512:" + verify.Text(strings.Repeat("0", 64)), "sha256:" + verify.Text(strings.Repeat("A", 64))} {
		var b strings.Builder
		if err := SHA256(&b, &verify.Report{Bundle: verify.BundleID{FileDigest: d}}); err != errNoFileDigest || b.Len() > 0 {
			t.Errorf("%q: %v, %q", d, err, b.String())
		}
	}
}
