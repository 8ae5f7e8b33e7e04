package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// samples is a folder with the layout that ../oracle/README.md describes.
type samples string

// files holds the files of a sample by name.
type files map[string][]byte

// newSamples creates a folder with the trusted root of all services.
func newSamples(t *testing.T) samples {
	t.Helper()
	dir := samples(t.TempDir())
	dir.write(t, ".", files{"trusted_root.json": read(t, stack.fullRoot)})
	return dir
}

// addAll adds each Sigstore bundle that the registry stores as a referrer of the image
// or of one of its platforms, and returns their number.
func (dir samples) addAll(t *testing.T, c oracleCase, image pushed) int {
	t.Helper()
	added := 0
	for _, subject := range manifestsOf(t, image) {
		for _, bundle := range bundlesOf(t, subject) {
			added++
			sample := files{"bundle.json": bundle, "artifact": manifestOf(t, subject)}
			if c.instead != nil {
				sample["artifact"] = c.instead
			}
			for name, content := range c.judgedBy {
				sample[name] = content
			}
			dir.write(t, fmt.Sprintf("%s-%d", c.name, added), sample)
		}
	}
	return added
}

func (dir samples) write(t *testing.T, sub string, sample files) {
	t.Helper()
	into := filepath.Join(string(dir), sub)
	if err := os.MkdirAll(into, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range sample {
		if err := os.WriteFile(filepath.Join(into, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// manifestsOf lists the root of an image and, for an index, its platforms.
func manifestsOf(t *testing.T, image pushed) []name.Digest {
	t.Helper()
	top := ok(name.NewDigest(image.byDigest(t)))(t)
	list := []name.Digest{top}
	desc := ok(remote.Get(top, remote.WithContext(t.Context())))(t)
	if desc.MediaType.IsIndex() {
		index := ok(desc.ImageIndex())(t)
		for _, m := range ok(index.IndexManifest())(t).Manifests {
			list = append(list, top.Context().Digest(m.Digest.String()))
		}
	}
	return list
}

func manifestOf(t *testing.T, at name.Digest) []byte {
	t.Helper()
	return ok(remote.Get(at, remote.WithContext(t.Context())))(t).Manifest
}

// bundlesOf returns the Sigstore bundles among the referrers of a manifest.
func bundlesOf(t *testing.T, subject name.Digest) (list [][]byte) {
	t.Helper()
	index := ok(remote.Referrers(subject, remote.WithContext(t.Context())))(t)
	for _, m := range ok(index.IndexManifest())(t).Manifests {
		image := ok(remote.Image(subject.Context().Digest(m.Digest.String()), remote.WithContext(t.Context())))(t)
		for _, layer := range ok(image.Layers())(t) {
			if strings.HasPrefix(string(ok(layer.MediaType())(t)), "application/vnd.dev.sigstore.bundle") {
				list = append(list, contentOf(t, layer))
			}
		}
	}
	return list
}

func contentOf(t *testing.T, layer v1.Layer) []byte {
	t.Helper()
	content := ok(layer.Compressed())(t)
	defer content.Close()
	return ok(io.ReadAll(content))(t)
}
