package bundle_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// Collect an image with its evidence and write the bundle. Outside of this example
// the source is a [registry.Source], which registry.New returns.
func ExampleCollect() {
	ctx := context.Background()
	source := fixture.NewRegistry()
	ref, err := oci.ParseReference("registry.example.com/acme/app:v1")
	if err != nil {
		panic(err)
	}
	plan, fetch, err := bundle.Collect(ctx, source, bundle.Request{
		Images: []oci.Reference{ref},
		Tool:   bundle.Tool{Name: "example", Version: "1.0"},
	})
	if err != nil {
		panic(err)
	}
	f, err := os.Create(filepath.Join(os.TempDir(), "app.tar"))
	if err != nil {
		panic(err)
	}
	defer os.Remove(f.Name())
	if err := plan.WriteFile(ctx, f, fetch, 4, nil); err != nil {
		panic(err)
	}
	if err := f.Close(); err != nil {
		panic(err)
	}
	fmt.Println(len(plan.Inventory.Images), "image,", len(plan.Inventory.Images[0].Evidence), "pieces of evidence")
	// Output: 1 image, 2 pieces of evidence
}

// Open a bundle, hash all of it, and read one of its blobs.
func ExampleOpenFile() {
	path := writeExample()
	defer os.Remove(path)

	b, err := bundle.OpenFile(path, oci.Limits{})
	if err != nil {
		panic(err)
	}
	defer b.Close()
	if err := b.Hash(context.Background(), nil, nil); err != nil {
		panic(err)
	}
	image := b.Inventory.Images[0]
	fmt.Println(image.Reference, "has", len(b.Faults()), "faults")

	blob, err := b.OpenBlob(image.Digest)
	if err != nil {
		panic(err)
	}
	defer blob.Close()
	manifest, err := io.ReadAll(blob) // fails if the manifest is not what its digest says
	if err != nil {
		panic(err)
	}
	m, _ := oci.ParseManifest(manifest, image.MediaType)
	fmt.Println(len(m.Layers), "layers")
	// Output:
	// registry.example.com/acme/app:v1 has 0 faults
	// 2 layers
}

// writeExample writes a bundle to a temporary file and returns its path.
func writeExample() string {
	ref, err := oci.ParseReference("registry.example.com/acme/app:v1")
	if err != nil {
		panic(err)
	}
	req := bundle.Request{Images: []oci.Reference{ref}}
	plan, fetch, err := bundle.Collect(context.Background(), fixture.NewRegistry(), req)
	if err != nil {
		panic(err)
	}
	f, err := os.CreateTemp("", "*.tar")
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if err := plan.WriteFile(context.Background(), f, fetch, 0, nil); err != nil {
		panic(err)
	}
	return f.Name()
}
