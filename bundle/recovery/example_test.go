package recovery_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// Write volumes of which 50 percent may be lost, lose one, and rebuild it.
func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "recovery")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	plan, fetch := examplePlan(ctx)

	target := volume.Target{Base: volume.Base(filepath.Join(dir, "app.tar")), Each: 12 << 10}
	if err := recovery.Write(ctx, plan, fetch, target, 50); err != nil {
		panic(err)
	}
	if err := os.Remove(target.Base.Volume(2)); err != nil {
		panic(err)
	}

	r, err := recovery.Find(target.Base.Index(), nil)
	if err != nil {
		panic(err)
	}
	defer r.Close()
	if err := r.Scan(ctx, nil); err != nil {
		panic(err)
	}
	for _, d := range r.Damage() {
		fmt.Println(d.Name, d.Problem)
	}
	if f := r.Beyond(); f != nil {
		panic(f)
	}
	rebuilt, err := r.Rebuild(ctx, filepath.Join(dir, "app.repaired"), nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(len(rebuilt), "file rebuilt")
	// Output:
	// app.tar.002 is missing
	// 1 file rebuilt
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
