package verify_test

import (
	"slices"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// attested returns the first attestation of the image in a forge.
func attested(t *testing.T, f *fixture.Forge) bundle.Evidence {
	t.Helper()
	list := f.Inventory.Images[0].Evidence
	i := slices.IndexFunc(list, func(ev bundle.Evidence) bool { return ev.Kind == oci.KindAttestation })
	if i < 0 {
		t.Fatal("no attestation")
	}
	return list[i]
}
