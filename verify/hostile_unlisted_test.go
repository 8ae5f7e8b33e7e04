package verify_test

import (
	"fmt"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// TestHostileUnlistedFlood: of more blobs than are reported one by one, the report
// lists those that it names, and no blob without a digest.
func TestHostileUnlistedFlood(t *testing.T) {
	files := fixture.Files(fixture.Bundle(t, "app:v1"))
	for i := range 150 {
		files = append(files, unlistedFile(i))
	}
	rep := fixture.Verify(t, fixture.Pack(files), fixture.Options())
	if failed := fixture.Failed(rep); len(failed) != 1 || failed[0] != "layout.unlisted" {
		t.Fatalf("failed %v", failed)
	}
	n := 0
	for _, b := range rep.Blobs {
		if b.State == check.Unlisted {
			n++
		}
		if b.Digest == "" {
			t.Errorf("a blob without a digest: %+v", b)
		}
	}
	if n != 100 || rep.Verdict != check.Rejected {
		t.Errorf("%d unlisted blobs, verdict %s", n, rep.Verdict)
	}
}

func unlistedFile(i int) fixture.File {
	body := []byte(fmt.Sprintf("unlisted %d", i))
	return fixture.File{Name: "blobs/sha256/" + oci.FromBytes(body).Hex(), Data: body}
}
