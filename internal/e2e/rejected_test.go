package e2e

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestRefused exports images that are not signed as demanded. Export writes nothing;
// with --allow-unverified it writes a bundle, which verify rejects.
func TestRefused(t *testing.T) {
	for _, bad := range badImages {
		t.Run(bad.name, func(t *testing.T) {
			images := []pushed{bad.push(t, "refused-"+bad.name)}
			dir := t.TempDir()
			done := wantExit(t, 1, exporting(t, filepath.Join(dir, "bundle.tar"), images, "-a", demanded))
			if left := ok(os.ReadDir(dir))(t); len(left) != 0 {
				t.Errorf("a refused export left %v\n%s", left, done)
			}
			file := export(t, images, "-a", demanded, "--allow-unverified")
			r := verify(t, "rejected", file, "-a", demanded)
			r.wantFailed(t, bad.failed...)
			r.wantWarned(t, "policy.export-waiver", "policy.reference-unbound")
		})
	}
}

// TestTampered damages a good bundle, each time in one way.
func TestTampered(t *testing.T) {
	image := pushGood(t, "tampered", "cosign2")
	good := export(t, []pushed{image})
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, file string)
		failed []string
	}{
		{
			name: "a bit of a layer",
			damage: func(t *testing.T, file string) {
				flip(t, file, offsetOf(t, file, image.layers[1])+layerSize/2)
			},
			failed: []string{"blob.digest"},
		},
		{
			name: "a byte after the end",
			damage: func(t *testing.T, file string) {
				f := ok(os.OpenFile(file, os.O_WRONLY|os.O_APPEND, 0))(t)
				defer f.Close()
				ok(f.Write([]byte{0}))(t)
			},
			failed: []string{"container.end"},
		},
		{
			name: "cut short",
			damage: func(t *testing.T, file string) {
				if err := os.Truncate(file, ok(os.Stat(file))(t).Size()/2); err != nil {
					t.Fatal(err)
				}
			},
			failed: []string{"container.truncated"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := copyOf(t, good)
			verify(t, "verified", file)
			c.damage(t, file)
			verify(t, "rejected", file).wantFailed(t, c.failed...)
		})
	}
}

// TestWrongKey verifies a good bundle with the wrong key, and without a key.
func TestWrongKey(t *testing.T) {
	file := export(t, []pushed{pushGood(t, "wrong-anchor", "cosign2")})
	log := []string{"--rekor-key", stack.rekorPub, "--output", "json"}
	t.Run("another key", func(t *testing.T) {
		r := judge(t, "rejected", verifying(t, file, append(log, "--key", stack.untrusted.public)...))
		r.wantFailed(t, "trust.key", "trust.bundle-key")
	})
	t.Run("none", func(t *testing.T) {
		r := judge(t, "rejected", verifying(t, file, log...))
		r.wantFailed(t, "trust.unanchored")
	})
}

// TestUntrustedSignatureBeside adds a signature by an untrusted key, which must make no difference.
func TestUntrustedSignatureBeside(t *testing.T) {
	image := pushByUntrustedKey(t, "untrusted-beside")
	sign(t, image, goodSignature("cosign2"))
	file := export(t, []pushed{image}, "-a", demanded)
	r := verify(t, "verified", file, "-a", demanded)
	r.wantWarned(t, "policy.reference-unbound")
	r.wantNoted(t, "trust.key")
	counting := 0
	for _, s := range r.Images[0].Signatures {
		if s.Counts {
			counting++
		}
	}
	if counting != 1 || len(r.Images[0].Signatures) != 2 {
		t.Errorf("want one of two signatures to count: %+v", r.Images[0].Signatures)
	}
	verify(t, "rejected", file, "-a", demanded, "--require-all").wantFailed(t, "trust.key")
}

// TestWaivedLog waives the log for a signature without a log entry. The report must
// show the waiver.
func TestWaivedLog(t *testing.T) {
	image := pushNotLogged(t, "waived-log")
	file := export(t, []pushed{image}, "--insecure-ignore-tlog")
	verify(t, "rejected", file).wantFailed(t, "rekor.present")
	r := verify(t, "verified", file, "--insecure-ignore-tlog")
	if len(r.Waivers) == 0 {
		t.Errorf("the report names no waiver: %+v", r)
	}
	r.wantWarned(t, "rekor.present", "policy.waiver", "policy.reference-unbound")
}

// TestNarrowed demands a platform that export left out.
func TestNarrowed(t *testing.T) {
	file := export(t, []pushed{pushSignedIndex(t, "left-out")}, "--platform", "linux/amd64")
	verify(t, "verified", file, "--platform", "linux/amd64").wantFailed(t)
	verify(t, "rejected", file, "--platform", "linux/arm64").wantFailed(t, "manifest.narrowed")
}

// TestImagePin demands a digest for a reference.
func TestImagePin(t *testing.T) {
	image, other := pushGood(t, "pinned", "cosign2"), pushOCI(t, "not-carried")
	file := export(t, []pushed{image})
	r := verify(t, "verified", file, "--image", image.tag+"@"+image.digest.String())
	if got := r.Images[0].BoundBy; got != "digest" {
		t.Errorf("the reference is bound by %q, want digest", got)
	}
	verify(t, "rejected", file, "--image", image.tag+"@"+other.digest.String()).wantFailed(t, "policy.image")
	verify(t, "rejected", file, "--image", other.tag).wantFailed(t, "policy.image")
}

func copyOf(t *testing.T, file string) string {
	t.Helper()
	source := ok(os.Open(file))(t)
	defer source.Close()
	target := ok(os.Create(filepath.Join(t.TempDir(), "bundle.tar")))(t)
	defer target.Close()
	ok(io.Copy(target, source))(t)
	return target.Name()
}
