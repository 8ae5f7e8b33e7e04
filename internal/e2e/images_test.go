package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layerSize is the number of random bytes in a layer.
const layerSize = 64 << 10

// pushed is an image in the lab's registry.
type pushed struct {
	tag    string // host:port/repository:tag
	digest v1.Hash
	layers []v1.Hash // of all its platforms
}

// repoOf derives the name of a repository from that of a test.
func repoOf(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", "-", ",", "").Replace(name))
}

// byDigest returns the reference that cosign signs: repository@digest.
func (p pushed) byDigest(t *testing.T) string {
	t.Helper()
	tag, err := name.NewTag(p.tag)
	if err != nil {
		t.Fatal(err)
	}
	return tag.Context().Digest(p.digest.String()).String()
}

// pushOCI pushes an image for one platform with OCI media types, as acme/<repo>:v1.
func pushOCI(t *testing.T, repo string) pushed {
	t.Helper()
	return push(t, repo, newImage(t, "amd64", true))
}

// pushDocker pushes an image in the Docker schema 2 form.
func pushDocker(t *testing.T, repo string) pushed {
	t.Helper()
	return push(t, repo, newImage(t, "amd64", false))
}

// pushIndex pushes an index of linux/amd64 and linux/arm64.
func pushIndex(t *testing.T, repo string) pushed {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	var layers []v1.Hash
	for _, arch := range []string{"amd64", "arm64"} {
		image := newImage(t, arch, true)
		descriptor := v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: descriptor})
		layers = append(layers, layersOf(t, image)...)
	}
	p := pushed{tag: tagOf(repo), digest: ok(index.Digest())(t), layers: layers}
	if err := remote.WriteIndex(ok(name.ParseReference(p.tag))(t), index, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	return p
}

// newImage makes an image with two random layers.
func newImage(t *testing.T, arch string, oci bool) v1.Image {
	t.Helper()
	image, layerType := empty.Image, types.DockerLayer
	if oci {
		image = mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
		layerType = types.OCILayer
	}
	for range 2 {
		image = ok(mutate.AppendLayers(image, ok(random.Layer(layerSize, layerType))(t)))(t)
	}
	config := ok(image.ConfigFile())(t).DeepCopy()
	config.OS, config.Architecture = "linux", arch
	return ok(mutate.ConfigFile(image, config))(t)
}

func push(t *testing.T, repo string, image v1.Image) pushed {
	t.Helper()
	p := pushed{tag: tagOf(repo), digest: ok(image.Digest())(t), layers: layersOf(t, image)}
	if err := remote.Write(ok(name.ParseReference(p.tag))(t), image, remote.WithContext(t.Context())); err != nil {
		t.Fatal(err)
	}
	return p
}

func tagOf(repo string) string { return stack.registry + "/acme/" + repo + ":v1" }

func layersOf(t *testing.T, image v1.Image) []v1.Hash {
	t.Helper()
	var hashes []v1.Hash
	for _, layer := range ok(image.Layers())(t) {
		hashes = append(hashes, ok(layer.Digest())(t))
	}
	return hashes
}

// ok returns a function that returns value, or fails the test if err is not nil. It
// is used as ok(f())(t).
func ok[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
