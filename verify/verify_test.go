package verify_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

func TestGoodImagesVerify(t *testing.T) {
	for _, image := range []string{"app:v1", "app:v2", "app-v3:v1", "multi:v1", "dockerv2:v1", "twokeys:v1", "both:v1", "bundle:v1"} {
		t.Run(image, func(t *testing.T) {
			raw := fixture.Bundle(t, image)
			for name, rep := range map[string]*verify.Report{"file": fixture.Verify(t, raw, fixture.Options()), "pipe": fixture.VerifyStream(t, raw, fixture.Options())} {
				if failed := fixture.Failed(rep); len(failed) > 0 {
					t.Errorf("%s: failed %v", name, failed)
				}
			}
		})
	}
}

func TestBadImagesAreRejected(t *testing.T) {
	for image, want := range map[string]string{
		"unsigned:v1": "signature.present",
		"notlog:v1":   "rekor.present",
		"wrongkey:v1": "trust.key",
		"keyless:v1":  "trust.key",
	} {
		rep := fixture.Verify(t, fixture.Bundle(t, image), fixture.Options())
		if failed := fixture.Failed(rep); !slices.Equal(failed, []string{want}) {
			t.Errorf("%s: failed %v, want only %s", image, failed, want)
		}
	}
}

// TestForgeWritesTheSameBundle compares the second implementation of the format with
// the first.
func TestForgeWritesTheSameBundle(t *testing.T) {
	raw := fixture.Bundle(t, "app:v1", "app:v2", "multi:v1", "dockerv2:v1", "both:v1")
	if again := fixture.Open(raw).Build(); !bytes.Equal(raw, again) {
		t.Fatal("the forge writes other bytes than export")
	}
}
