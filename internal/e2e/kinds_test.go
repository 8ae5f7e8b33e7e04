package e2e

import (
	"path/filepath"
	"slices"
	"testing"
)

// developer is the identity that makes the keyless signatures of this run.
const developer = "dev@e2e.test"

// bundled returns a good signature by the trusted key, in a Sigstore bundle.
func bundled(services string) signature {
	s := goodSignature("cosign3")
	s.services = services
	return s
}

// keyless returns a signature by the identity in the token. Without services, it is
// one of cosign's first generation, made by cosign 2.
func keyless(t *testing.T, services, token string, err error) signature {
	t.Helper()
	s := signature{version: "cosign3", services: services, token: ok(token, err)(t), annotation: demanded}
	if services == "" {
		s.version = "cosign2"
	}
	return s
}

// byDeveloper returns a good keyless signature.
func byDeveloper(t *testing.T, services string) signature {
	t.Helper()
	token, err := stack.issuer.emailToken(developer)
	return keyless(t, services, token, err)
}

// keyAnchors returns the arguments for signatures by the trusted key, with all
// services trusted.
func keyAnchors() []string {
	return []string{"--key", stack.signer.public, "--trusted-root", stack.fullRoot}
}

// identityAnchors returns the arguments for signatures by an identity.
func identityAnchors(identity, issuer string) []string {
	return []string{
		"--certificate-identity", identity, "--certificate-oidc-issuer", issuer,
		"--trusted-root", stack.fullRoot,
	}
}

func developerAnchors() []string { return identityAnchors(developer, stack.issuer.url) }

// pushAs pushes an image with these signatures.
func pushAs(t *testing.T, repo string, list ...signature) pushed {
	t.Helper()
	image := pushOCI(t, repo)
	for _, s := range list {
		sign(t, image, s)
	}
	return image
}

// exportBy exports the image to a new bundle, which must succeed, and returns its
// path.
func exportBy(t *testing.T, image pushed, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exportingBy(t, file, []pushed{image}, args))
	return file
}

// verifyBy verifies file without a network, with only the anchors in args.
func verifyBy(t *testing.T, verdict, file string, args ...string) report {
	t.Helper()
	return judge(t, verdict, verifying(t, file, slices.Concat(args, []string{"--output", "json"})...))
}

// refuseBy requires export to refuse the image. It then exports the image with
// --allow-unverified, and requires verify to reject the bundle by the checks failed.
func refuseBy(t *testing.T, image pushed, failed []string, args ...string) report {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 1, exportingBy(t, file, []pushed{image}, args))
	wantExit(t, 0, exportingBy(t, file, []pushed{image}, append(slices.Clone(args), "--allow-unverified")))
	r := verifyBy(t, "rejected", file, args...)
	r.wantFailed(t, failed...)
	return r
}

// wantPassed requires each check to have been made, and to have passed each time.
func (r report) wantPassed(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		got := r.statuses(id)
		if len(got) == 0 || slices.ContainsFunc(got, func(status string) bool { return status != "pass" }) {
			t.Errorf("%s is %q, want pass alone", id, got)
		}
	}
}
