package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
)

// TestHostileStateOfTwo: a blob that is in the file twice, once good and once not, is
// never reported as intact, whichever is hashed last.
func TestHostileStateOfTwo(t *testing.T) {
	files := fixture.Files(fixture.Bundle(t, "app:v1"))
	for kind, at := range map[string]int{"content": len(files) - 1, "metadata": 6} {
		stateOfTwo(t, kind, files, at)
	}
}

func stateOfTwo(t *testing.T, kind string, files []fixture.File, at int) {
	t.Helper()
	good := files[at]
	bad := fixture.File{Name: good.Name, Data: bytes.Repeat([]byte{'x'}, len(good.Data))}
	for name, two := range map[string][]fixture.File{"good first": {good, bad}, "bad first": {bad, good}} {
		raw := fixture.Pack(slices.Concat(files[:at], two, files[at+1:]))
		for range 20 {
			rep := fixture.Verify(t, raw, fixture.Options())
			if got := strings.Join(fixture.Failed(rep), " "); got != "container.duplicate blob.digest" {
				t.Fatalf("%s, %s: failed [%s]", kind, name, got)
			}
			for _, b := range rep.Blobs {
				if strings.HasSuffix(good.Name, strings.TrimPrefix(b.Digest, "sha256:")) && b.State != "damaged" {
					t.Fatalf("%s, %s: state %s", kind, name, b.State)
				}
			}
		}
	}
}
