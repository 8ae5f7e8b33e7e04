package bundle_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// lists lists referrers of subject as what may be signatures, so that all are looked at.
func (b build) lists(t testing.TB, subject oci.Descriptor, list []oci.Descriptor) {
	t.Helper()
	for i := range list {
		list[i].ArtifactType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	}
	b.index(t, "sha256-"+subject.Digest.Hex(), list...)
}

// TestWhatVerifiesIsKept wants evidence that verifies to be kept, with the evidence that
// it is about, where there is more that costs less.
func TestWhatVerifiesIsKept(t *testing.T) {
	const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	statement := b.refer(t, root, b.blob(oci.TypeInToto, fmt.Sprintf("%5000d", 1)))
	signature := b.refer(t, statement, b.blob(bundleType, fmt.Sprintf("%9000d", 2)))
	list := []oci.Descriptor{statement}
	for i := range 50 {
		list = append(list, b.refer(t, root, b.blob(bundleType, fmt.Sprintf(`{"junk":%d}`, i))))
	}
	b.lists(t, root, list)
	req := fixture.Request(t, "built:v1")
	req.Limits.Signatures = 20
	asked := 0
	for _, vouches := range []bool{false, true} {
		req.Vouches = func(_ oci.Reference, ev bundle.Evidence, meta map[oci.Digest][]byte) bool {
			asked++
			if meta[ev.Digest] == nil {
				t.Error("asked about evidence that is not there")
			}
			return vouches && ev.Digest == signature.Digest
		}
		img := plan(t, b, req).Inventory.Images[0]
		got := digestsOf(img.Evidence)
		for _, d := range []oci.Digest{statement.Digest, signature.Digest} {
			if slices.Contains(got, d) != vouches {
				t.Errorf("%s is carried: %v", d, !vouches)
			}
		}
		if len(got) != 20 {
			t.Errorf("%d pieces of evidence", len(got))
		}
		for _, l := range img.LeftOut {
			if l.Reason != bundle.ReasonOverBudget || l.Digest == signature.Digest {
				t.Errorf("left out: %+v", l)
			}
		}
	}
	if asked != 104 {
		t.Errorf("asked %d times", asked)
	}
	req.Limits.Signatures = 100
	asked = 0
	if plan(t, b, req); asked != 0 {
		t.Error("asked, although there is room for everything")
	}
}

// TestTheCheapestAreKept wants signatures before attestations before the rest where they
// cost the same.
func TestTheCheapestAreKept(t *testing.T) {
	b := newBuild()
	root := b.image(t, "v1", "amd64")
	var list []oci.Descriptor
	for i, mediaType := range []string{
		"application/vnd.example.some.notes.v0.3+json ", oci.TypeInToto, "application/vnd.dev.sigstore.bundle.v0.3+json",
	} {
		// The weight is that of the manifest and the layer, which are to be equal.
		text := fmt.Sprintf("%*d", 200-len(strings.TrimSpace(mediaType)), i)
		list = append(list, b.refer(t, root, b.blob(strings.TrimSpace(mediaType), text)))
	}
	costly := b.refer(t, root, b.blob("application/vnd.dev.sigstore.bundle.v0.3+json", fmt.Sprintf("%1000d", 4)))
	b.lists(t, root, append(list, costly))
	note, attestation, signature := list[0].Digest, list[1].Digest, list[2].Digest
	req := fixture.Request(t, "built:v1")
	for n, want := range map[int64][]oci.Digest{
		1: {signature}, 2: {signature, attestation}, 3: {signature, attestation, note},
	} {
		req.Limits.Signatures = n
		got := digestsOf(plan(t, b, req).Inventory.Images[0].Evidence)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("of %d: %v, want %v", n, got, want)
		}
	}
}

// TestTheAttestationThatWasSignedIsKept wants an attestation manifest of an index to be
// kept as evidence where a signature over it verifies, however heavy it is.
func TestTheAttestationThatWasSignedIsKept(t *testing.T) {
	b := newBuild()
	platform := b.image(t, "", "amd64")
	attestation := b.attestation(t, platform)
	b.index(t, "v1", platform, attestation)
	const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	signature := b.refer(t, attestation, b.blob(bundleType, fmt.Sprintf("%9000d", 1)))
	b.lists(t, attestation, []oci.Descriptor{signature})
	var junk []oci.Descriptor
	for i := range 50 {
		junk = append(junk, b.refer(t, platform, b.blob("application/x-note", fmt.Sprint(i))))
	}
	b.lists(t, platform, junk)
	req := fixture.Request(t, "built:v1")
	req.Limits.Signatures = 20
	req.Vouches = func(_ oci.Reference, ev bundle.Evidence, _ map[oci.Digest][]byte) bool {
		return ev.Digest == signature.Digest
	}
	got := digestsOf(plan(t, b, req).Inventory.Images[0].Evidence)
	if !slices.Contains(got, attestation.Digest) || !slices.Contains(got, signature.Digest) || len(got) != 20 {
		t.Errorf("%d pieces of evidence, without the attestation or its signature: %v", len(got), got)
	}
}
