package verify_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/lock"
)

// leavesOut lists the last platform of image 0 as left out, and attests the others. If
// carry is set, a further image carries that platform, with a signature of its own.
func leavesOut(carry bool) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		img := &f.Inventory.Images[0]
		platforms := f.Platforms(0)
		last := platforms[len(platforms)-1]
		for _, p := range platforms[:len(platforms)-1] {
			sigstore().AttachTo(f, 0, p, claims(predicateSLSA))
		}
		name := img.Platforms[len(img.Platforms)-1]
		img.Platforms = img.Platforms[:len(img.Platforms)-1]
		img.Omitted = []bundle.Omitted{{Platform: name, Digest: last}}
		if !carry {
			return
		}
		f.Inventory.Images = append(f.Inventory.Images, bundle.Image{
			Reference: fixture.Host + "other:v1",
			Node:      bundle.Node{MediaType: oci.TypeManifest, Digest: last, Size: int64(len(f.Blobs[last]))},
			Platforms: []string{name}, Omitted: []bundle.Omitted{}, Evidence: []bundle.Evidence{},
		})
		sigstore().AttachForge(f, 1, fixture.BundleStages{})
	}
}

// An index whose platforms are attested is not signed. A platform that it lists, and
// that only another image carries, under another rule, must not be run by it.
func TestPlatformThatAnotherImageCarries(t *testing.T) {
	rule := way(check.VouchedByPlatformAttestation, predicateSLSA)
	both := func(o *verify.Options) {
		other := verify.Rule{Pattern: fixture.Host + "other"}
		other.Keys = sigstore().Options(sigstore().TrustedRoot(nil), false).Keys
		o.Policy.Rules = append([]verify.Rule{other}, o.Policy.Rules...)
	}
	vouchCases(t, []vouchCase{
		{name: "left out", forge: leavesOut(false), rule: rule, opt: both, by: check.VouchedByPlatformAttestation},
		{name: "beside another image", rule: rule, opt: both, by: check.VouchedByPlatformAttestation, forge: func(f *fixture.Forge) {
			for _, p := range f.Platforms(0) {
				sigstore().AttachTo(f, 0, p, claims(predicateSLSA))
			}
			twin := f.Inventory.Images[0]
			twin.Reference, twin.Evidence = fixture.Host+"other:v1", []bundle.Evidence{}
			f.Inventory.Images = append(f.Inventory.Images, twin)
			sigstore().AttachForge(f, 1, fixture.BundleStages{})
		}},
		{name: "carried by another image", forge: leavesOut(true), rule: rule, opt: both, want: "policy.platform-attestation"},
	})
}

// A lock may name one image with and without its digest, as an export may.
func TestLockOfOneImageUnderTwoReferences(t *testing.T) {
	f := fixture.Open(withoutEvidence("unsigned:v1"))
	publisher().SignForge(f, 0)
	twin := f.Inventory.Images[0]
	twin.Reference += "@" + string(twin.Digest)
	f.Inventory.Images = append(f.Inventory.Images, twin)
	opt := publisher().Options()
	raw := f.Build()
	var err error
	if opt.Lock, err = lock.New(&f.Inventory); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(fixture.Failed(fixture.Verify(t, raw, opt)), " "); got != "" {
		t.Errorf("failed [%s]", got)
	}
}

// An unattested platform must not travel as a layer of another image: the file is an
// OCI layout, in which a runtime finds it by its digest.
func TestPlatformThatAnotherImageCarriesAsALayer(t *testing.T) {
	vouchCases(t, []vouchCase{{
		name: "as a layer", rule: way(check.VouchedByPlatformAttestation, predicateSLSA),
		want: "policy.platform-attestation",
		opt: func(o *verify.Options) {
			other := verify.Rule{Pattern: fixture.Host + "other"}
			other.Keys = sigstore().Options(sigstore().TrustedRoot(nil), false).Keys
			o.Policy.Rules = append([]verify.Rule{other}, o.Policy.Rules...)
		},
		forge: func(f *fixture.Forge) {
			leavesOut(false)(f)
			last := f.Inventory.Images[0].Omitted[0].Digest
			layer := fixture.Describe("application/vnd.acme.tar", last, int64(len(f.Blobs[last])))
			config := fixture.Describe("application/vnd.acme.config", oci.EmptyDigest, 2)
			manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","config":%s,"layers":[%s]}`,
				oci.TypeManifest, config, layer)
			f.Inventory.Images = append(f.Inventory.Images, bundle.Image{
				Reference: fixture.Host + "other:v1",
				Node: bundle.Node{MediaType: oci.TypeManifest, Digest: f.Add([]byte(manifest)),
					Size: int64(len(manifest))},
				Platforms: []string{}, Omitted: []bundle.Omitted{}, Evidence: []bundle.Evidence{},
			})
			sigstore().AttachForge(f, 1, fixture.BundleStages{})
		}}})
}
