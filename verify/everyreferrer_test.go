package verify_test

import (
	"regexp"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// harmless are the changes to a referrer with a Sigstore bundle that may still
// verify, by path and kind: they leave no room for content and do not change the
// report.
var harmless = regexp.MustCompile(`^(manifest|bundle) \S* ?(reorder|space-before|space-after|respelt|name-respelt)$` + // spelling
	`|^manifest \S* ?unknown-field$|^manifest /(artifactType|config/mediaType|config/artifactType) ` + // what means nothing here
	`|^manifest (/x` +
	`|/mediaType (empty|null|delete)` + // an old OCI manifest names no media type: manifest.media-type warns
	`|/config/artifactType (empty|null|delete)` + // some registries add it
	`|/annotations (empty|null|delete)|/annotations/\S+ delete` + // written by cosign, each compared with the content if present
	`|/annotations/org.opencontainers.image.created \S+` + // a time of fixed form, never printed
	`)$|^bundle /verificationMaterial/publicKey (empty)$|^bundle /verificationMaterial/publicKey/hint \S+$`) // a key hint is only a hint

// TestEveryReferrerField changes every field of a real Sigstore bundle and of
// the referrer that stores it, and hashes everything above again.
func TestEveryReferrerField(t *testing.T) {
	raw := fixture.Bundle(t, "bundle:v1")
	base := fixture.Open(raw)
	documents := map[string]oci.Digest{"bundle": sigstoreBundle(t, base), "manifest": base.Inventory.Images[0].Evidence[0].Digest}
	tried, verified := 0, 0
	for name, d := range documents {
		for i, m := range fixture.JSONMutations(base.Blobs[d]) {
			if i%stride != 0 {
				continue
			}
			tried++
			f := fixture.Open(raw)
			f.Replace(d, m.JSON)
			rep := fixture.Verify(t, f.Build(), fixture.Options())
			if rep.Verdict == check.Rejected {
				continue
			}
			verified++
			if at := name + " " + m.Path + " " + m.Kind; !harmless.MatchString(at) {
				t.Errorf("verified: %s", at)
			}
		}
	}
	t.Logf("every referrer field: %d mutations, %d rejected, %d harmless", tried, tried-verified, verified)
}
