package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// TestSealed seals a bundle with an encrypted key that cosign made.
func TestSealed(t *testing.T) {
	prefix := filepath.Join(t.TempDir(), "seal")
	wantExit(t, 0, command(t, "cosign3", "generate-key-pair", "--output-key-prefix", prefix))
	image := pushAs(t, "sealed", bundled(onRekor2))
	file := exportBy(t, image, append(keyAnchors(),
		"--seal", prefix+".key", "--seal-stream", "e2e", "--seal-serial", "7")...)
	verifyBy(t, "verified", file, keyAnchors()...).wantWarned(t, "policy.seal-not-judged", "policy.reference-unbound")
	sealed := append(keyAnchors(), "--seal-key", prefix+".pub")
	r := verifyBy(t, "verified", file, append(sealed, "--strict")...)
	r.wantPassed(t, "policy.seal")
	if got := r.Images[0].BoundBy; got != "seal" {
		t.Errorf("the reference is bound by %q, want seal", got)
	}
	otherKey := append(keyAnchors(), "--seal-key", stack.untrusted.public)
	verifyBy(t, "rejected", file, otherKey...).wantFailed(t, "policy.seal")
	unsealed := exportBy(t, image, keyAnchors()...)
	verifyBy(t, "rejected", unsealed, sealed...).wantFailed(t, "policy.seal")
}

// TestVolumes exports a bundle in volumes and verifies them without joining them.
func TestVolumes(t *testing.T) {
	image := pushAs(t, "in-volumes", bundled(onRekor1))
	whole := verifyBy(t, "verified", exportBy(t, image, keyAnchors()...), keyAnchors()...)
	dir := filepath.Dir(exportBy(t, image, append(keyAnchors(), "--volume-size", "64KiB")...))
	index := filepath.Join(dir, "bundle.volumes.json")
	first := filepath.Join(dir, "bundle.tar.001")
	second := filepath.Join(dir, "bundle.tar.002")
	for _, file := range []string{index, first} {
		r := verifyBy(t, "verified", file, keyAnchors()...)
		r.wantWarned(t, "policy.reference-unbound")
		if r.Bundle != whole.Bundle {
			t.Errorf("%s is %+v, the same in one file %+v", file, r.Bundle, whole.Bundle)
		}
	}

	flip(t, second, 1000)
	verifyBy(t, "rejected", index, keyAnchors()...).wantFailed(t, "media.damaged", "blob.digest")
	remove(t, index)
	verifyBy(t, "rejected", first, keyAnchors()...).wantFailed(t, "blob.digest")
	remove(t, second)
	verifyBy(t, "rejected", first, keyAnchors()...).wantFailed(t, "container.truncated")
}

func remove(t *testing.T, file string) {
	t.Helper()
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
}
