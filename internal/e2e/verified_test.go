package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"slices"
	"testing"
)

// TestVerified exports images that real tools signed, and verifies them without a
// network.
func TestVerified(t *testing.T) {
	for _, c := range []struct {
		name      string
		images    func(t *testing.T) []pushed
		export    []string // further arguments of export
		platforms []string // of the first image
		warnings  []string // in addition to policy.reference-unbound
	}{
		{
			name:      "signed by cosign 2",
			images:    func(t *testing.T) []pushed { return []pushed{pushGood(t, "by-cosign2", "cosign2")} },
			platforms: []string{"linux/amd64"},
		},
		{
			name:      "signed by cosign 3",
			images:    func(t *testing.T) []pushed { return []pushed{pushGood(t, "by-cosign3", "cosign3")} },
			platforms: []string{"linux/amd64"},
		},
		{
			name:      "index signed recursively",
			images:    func(t *testing.T) []pushed { return []pushed{pushSignedIndex(t, "multi")} },
			platforms: []string{"linux/amd64", "linux/arm64"},
		},
		{
			name: "index signed alone",
			images: func(t *testing.T) []pushed {
				image := pushIndex(t, "index-alone")
				sign(t, image, goodSignature("cosign3"))
				return []pushed{image}
			},
			platforms: []string{"linux/amd64", "linux/arm64"},
		},
		{
			name:      "index narrowed to one platform",
			images:    func(t *testing.T) []pushed { return []pushed{pushSignedIndex(t, "narrowed")} },
			export:    []string{"--platform", "linux/amd64"},
			platforms: []string{"linux/amd64"},
			warnings:  []string{"manifest.narrowed"},
		},
		{
			name: "Docker schema 2",
			images: func(t *testing.T) []pushed {
				image := pushDocker(t, "docker")
				sign(t, image, goodSignature("cosign2"))
				return []pushed{image}
			},
			platforms: []string{"linux/amd64"},
		},
		{
			name: "two images",
			images: func(t *testing.T) []pushed {
				return []pushed{pushGood(t, "one-of-two", "cosign2"), pushGood(t, "two-of-two", "cosign3")}
			},
			platforms: []string{"linux/amd64"},
		},
		{
			name: "with an attestation",
			images: func(t *testing.T) []pushed {
				image := pushGood(t, "attested", "cosign2")
				attest(t, image, goodSignature("cosign2"), "slsaprovenance1")
				return []pushed{image}
			},
			platforms: []string{"linux/amd64"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			images := c.images(t)
			file := export(t, images, append([]string{"-a", demanded}, c.export...)...)
			r := verify(t, "verified", file, "-a", demanded)
			r.wantFailed(t)
			r.wantBundle(t, file)
			r.wantAnchors(t)
			r.wantImages(t, images)
			if got := r.Images[0].Platforms; !slices.Equal(got, c.platforms) {
				t.Errorf("platforms are %q, want %q", got, c.platforms)
			}
			r.wantWarned(t, append(c.warnings, "policy.reference-unbound")...)
		})
	}
}

func pushSignedIndex(t *testing.T, repo string) pushed {
	t.Helper()
	image, s := pushIndex(t, repo), goodSignature("cosign2")
	s.recursive = true
	sign(t, image, s)
	return image
}

// wantBundle compares identity and size in the report with those of the file.
func (r report) wantBundle(t *testing.T, file string) {
	t.Helper()
	sum := sha256.Sum256(member(t, file, "index.json"))
	if want := "sha256:" + hex.EncodeToString(sum[:]); r.Bundle.Identity != want {
		t.Errorf("the bundle's identity is %s, want %s", r.Bundle.Identity, want)
	}
	if want := ok(os.Stat(file))(t).Size(); r.Bundle.Size != want {
		t.Errorf("the bundle's size is %d, want %d", r.Bundle.Size, want)
	}
}

// wantAnchors requires the anchors to be exactly the two keys that were given.
func (r report) wantAnchors(t *testing.T) {
	t.Helper()
	var got []string
	for _, a := range r.Anchors {
		got = append(got, a.Kind+" "+a.Fingerprint)
	}
	want := []string{"key " + fingerprint(t, stack.signer.public), "log " + fingerprint(t, stack.rekorPub)}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("anchors are %q, want %q", got, want)
	}
}

// wantImages requires each image to be verified under its reference, with one signature
// that counts.
func (r report) wantImages(t *testing.T, images []pushed) {
	t.Helper()
	got := map[string]string{}
	for _, i := range r.Images {
		got[i.ClaimedReference] = i.Digest + " " + i.Verdict
		counting := 0
		for _, s := range i.Signatures {
			if s.Key != fingerprint(t, stack.signer.public) || s.TrustedTime == "" || s.Log == nil {
				t.Errorf("%s: want a logged signature by the trusted key, have %+v", i.ClaimedReference, s)
			}
			if s.Counts && s.Subject == i.Digest {
				counting++
			}
		}
		if counting != 1 {
			t.Errorf("%s: %d signatures of it count, want 1: %+v", i.ClaimedReference, counting, i.Signatures)
		}
	}
	for _, image := range images {
		if want := image.digest.String() + " verified"; got[image.tag] != want {
			t.Errorf("%s is %q, want %q", image.tag, got[image.tag], want)
		}
	}
	if len(r.Images) != len(images) {
		t.Errorf("the report names %d images, want %d", len(r.Images), len(images))
	}
}
