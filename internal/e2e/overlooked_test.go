package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestCosignOverlooksDamage confirms what docs/cosign-save.md says: cosign verifies a
// saved folder although a layer was changed or deleted. TestTampered makes the same
// changes to a bundle, which gapseal rejects.
func TestCosignOverlooksDamage(t *testing.T) {
	image := pushGood(t, "overlooked", "cosign2")
	damages := map[string]func(t *testing.T, layer string){
		"flipped": func(t *testing.T, layer string) {
			raw := ok(os.ReadFile(layer))(t)
			raw[len(raw)/2] ^= 1
			if err := os.WriteFile(layer, raw, 0o644); err != nil {
				t.Fatal(err)
			}
		},
		"deleted": func(t *testing.T, layer string) {
			if err := os.Remove(layer); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, damage := range damages {
		dir := unpack(t, export(t, []pushed{image}))
		damage(t, firstLayer(t, dir, image))
		for _, version := range []string{"cosign2", "cosign3"} {
			t.Run(name+"/"+version, func(t *testing.T) {
				cmd := cosignVerify(t, version, "--offline", "--local-image", dir)
				isolate(cmd)
				wantExit(t, 0, cmd)
			})
		}
	}
}

// firstLayer returns the file of an image's first layer in an unpacked bundle.
func firstLayer(t *testing.T, dir string, image pushed) string {
	t.Helper()
	blobs := filepath.Join(dir, "blobs", "sha256")
	var manifest struct{ Layers []struct{ Digest string } }
	if err := json.Unmarshal(ok(os.ReadFile(filepath.Join(blobs, image.digest.Hex)))(t), &manifest); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(blobs, manifest.Layers[0].Digest[len("sha256:"):])
}
