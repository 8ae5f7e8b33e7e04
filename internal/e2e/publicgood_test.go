package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// publicGood is a sample of the oracle: an attestation by the public instance of
// Sigstore about the empty image.
const publicGood = "../oracle/testdata/samples/public-good/keyless-login"

// TestPublicGood exports and verifies an image that the public instance of Sigstore
// vouches for, with identity and issuer and no file: the root is built in. Another
// identity, issuer or type of attestation is rejected.
func TestPublicGood(t *testing.T) {
	image := pushPublicGood(t, "public-good")
	lines := strings.Fields(string(ok(os.ReadFile(filepath.Join(publicGood, "identity")))(t)))
	args := func(identity, issuer, kind string) []string {
		return []string{
			"--certificate-identity", identity, "--certificate-oidc-issuer", issuer, "--accept-attestation", kind,
		}
	}
	const kind = "https://cosign.sigstore.dev/attestation/v1"
	good := args(lines[0], lines[1], kind)
	file := exportBy(t, image, good...)
	r := verifyBy(t, "verified", file, good...)
	if got := r.Images[0].VouchedBy; got != "attestation" {
		t.Errorf("vouched for by %q, want attestation", got)
	}
	r.wantPassed(t, slices.Concat(promised, proven, certified, []string{"policy.attestation"})...)

	unattested := []string{"signature.present", "policy.attestation"}
	others := []string{"cert.identity", "policy.attestation"}
	refuseBy(t, image, others, args("someone@e2e.test", lines[1], kind)...)
	refuseBy(t, image, others, args(lines[0], "https://accounts.e2e.test", kind)...)
	refuseBy(t, image, unattested, args(lines[0], lines[1], "slsaprovenance1")...)
}

// pushPublicGood pushes the empty image with the Sigstore bundle as its referrer.
func pushPublicGood(t *testing.T, repo string) pushed {
	t.Helper()
	p := pushed{tag: tagOf(repo), digest: ok(empty.Image.Digest())(t)}
	want := strings.TrimSpace(string(ok(os.ReadFile(filepath.Join(publicGood, "digest")))(t)))
	if p.digest.String() != want {
		t.Fatalf("the empty image is %s, and the sample is about %s", p.digest, want)
	}
	var ref name.Reference = ok(name.ParseReference(p.tag))(t)
	if err := remote.Write(ref, v1.Image(empty.Image), remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	r := p.repository(t)
	bundle := putBlob(t, r, ok(os.ReadFile(filepath.Join(publicGood, "bundle.json")))(t), bundleType)
	doc := manifest(putBlob(t, r, []byte("{}"), emptyConfigType), bundle)
	doc["artifactType"], doc["subject"] = bundleType, p.descriptor(t)
	doc["subject"].(document)["mediaType"] = string(types.DockerManifestSchema2)
	putManifest(t, r, "", doc)
	return p
}
