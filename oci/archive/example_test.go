package archive_test

import (
	"bytes"
	"context"
	"fmt"
	"log"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/archive"
)

// A verified bundle becomes an archive with the images for one platform, which
// containerd, podman and skopeo read.
func Example() {
	source := exampleSource() // the bundle, after its verdict
	plan := archive.NewPlan(source, archive.Options{
		Platform: &oci.Platform{OS: "linux", Architecture: "amd64"}, RunnableOnly: true,
	})
	for _, image := range source.graph.Images {
		_, err := plan.Add(archive.Image{Root: image.Descriptor(), Names: []string{image.Reference}})
		if err != nil {
			log.Fatal(err)
		}
	}
	var file bytes.Buffer
	if err := plan.WriteTar(context.Background(), &file, nil); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(plan.Blobs()), "blobs,", file.Len(), "bytes")
	// Output: 7 blobs, 12288 bytes
}
