package verify_test

import (
	"fmt"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

func signaturesAtMost(n int64) oci.Limits { return oci.Limits{Signatures: n} }

func TestTooManySignatures(t *testing.T) {
	many := make([]fixture.Stages, 6)
	threats(t, "limit", []threat{
		{name: "1001 signature layers (CVE-2023-46737)", signed: many, limits: signaturesAtMost(5), want: "limit.signatures"},
		{name: "as many as the budget allows", signed: many[:5], limits: signaturesAtMost(5), warn: "policy.reference-unbound"},
	})
	threatsTo(t, "limit", []string{"multi:v1"}, "", []threat{
		{name: "signatures of the index and of its children count together", limits: signaturesAtMost(2), want: "limit.signatures"},
		{name: "three are three", limits: signaturesAtMost(3), warn: "policy.reference-unbound"},
	})
}

// TestOneSignatureListedForManyImages: each listing costs a verification and lines of
// the report, so all together have a budget.
func TestOneSignatureListedForManyImages(t *testing.T) {
	under := func(n int) func(*fixture.Forge) {
		return func(f *fixture.Forge) {
			img := f.Inventory.Images[0]
			f.Inventory.Images = nil
			for i := range n {
				img.Reference = fmt.Sprintf("%sunsigned:t%03d", fixture.Host, i)
				f.Inventory.Images = append(f.Inventory.Images, img)
			}
		}
	}
	threats(t, "limit", []threat{
		{name: "20 images of one", forge: under(20), limits: signaturesAtMost(1), warn: "policy.reference-unbound"},
		{name: "21 images of one", forge: under(21), limits: signaturesAtMost(1), want: "limit.signatures"},
	})
}

// TestChildNamedTwice: an index may name one child twice; its signature is
// judged and reported once.
func TestChildNamedTwice(t *testing.T) {
	f := fixture.Open(fixture.Bundle(t, "multi:v1"))
	img := &f.Inventory.Images[0]
	m, _ := oci.ParseManifest(f.Blobs[img.Digest], img.MediaType)
	twice := jsonOf(t, map[string]any{"schemaVersion": 2, "mediaType": oci.TypeIndex, "manifests": []oci.Descriptor{m.Manifests[0], m.Manifests[0]}})
	img.Node = bundle.Node{MediaType: oci.TypeIndex, Digest: f.Add(twice), Size: int64(len(twice))}
	publisher().SignForge(f, 0)
	opt := fixture.Options()
	opt.Keys, opt.Logs = append(opt.Keys, publisher().Public()), append(opt.Logs, publisher().LogKey())
	rep := fixture.Verify(t, f.Build(), opt)
	if failed := fixture.Failed(rep); len(failed) > 0 || len(rep.Images[0].Signatures) != 2 {
		t.Errorf("failed %v, %d signatures\n%s", failed, len(rep.Images[0].Signatures), details(rep))
	}
}
