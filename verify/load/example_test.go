package load_test

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/load"
)

// A bundle is verified and loaded in one reading. The destination of a real program is
// that of registry.NewTarget, and the options are those of verify.Bundle.
func ExampleBundle() {
	raw := fixture.Bundle(new(testing.B), "app:v1")
	registry := newMemory()

	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
	if err != nil {
		log.Fatal(err)
	}
	names, err := load.ParseHost("registry.plant:5000/mirror")
	if err != nil {
		log.Fatal(err)
	}
	rep, err := load.Bundle(context.Background(), r, fixture.Options(), registry, load.Options{Names: names})
	if err != nil {
		log.Fatal(err)
	}
	for _, img := range rep.Loaded.Images {
		fmt.Printf("%s: %s:%s, with %d pieces of evidence\n", rep.Verdict, img.Destination, img.Tag, img.Evidence)
	}
	// Output: verified: registry.plant:5000/mirror/acme/app:v1, with 2 pieces of evidence
}
