package volume_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// Write a bundle as volumes of 10 KiB, and read it from them.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "volumes")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	plan, fetch := examplePlan(ctx)

	size, err := volume.ParseSize("10KiB")
	if err != nil {
		panic(err)
	}
	target := volume.Target{Base: volume.Base(filepath.Join(dir, "app.tar")), Each: size}
	if err := target.Write(ctx, plan, fetch); err != nil {
		panic(err)
	}

	set, err := volume.Find(target.Base.Index(), nil)
	if err != nil {
		panic(err)
	}
	defer set.Close()
	b, err := set.Bundle(oci.Limits{})
	if err != nil {
		panic(err)
	}
	if err := b.Hash(ctx, nil, nil); err != nil {
		panic(err)
	}
	fmt.Println(len(set.Found), "volumes,", len(b.Faults()), "faults, the same bundle:",
		b.Identity() == plan.Identity())
	// Output: 3 volumes, 0 faults, the same bundle: true
}

func ExampleParseSize() {
	for _, s := range []string{"650MiB", "4.7GB", "dvd"} {
		n, err := volume.ParseSize(s)
		fmt.Println(s, n, err)
	}
	// Output:
	// 650MiB 681574400 <nil>
	// 4.7GB 4700000000 <nil>
	// dvd 4696178688 <nil>
}

// examplePlan collects an image of the test data.
func examplePlan(ctx context.Context) (*bundle.Plan, bundle.Fetch) {
	ref, err := oci.ParseReference("registry.example.com/acme/app:v1")
	if err != nil {
		panic(err)
	}
	req := bundle.Request{Images: []oci.Reference{ref}}
	plan, fetch, err := bundle.Collect(ctx, fixture.NewRegistry(), req)
	if err != nil {
		panic(err)
	}
	return plan, fetch
}
