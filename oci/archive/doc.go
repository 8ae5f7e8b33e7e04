// Package archive writes images in the forms that container tools read: an OCI image
// layout in a folder, and a tar of a layout that runtimes import, with or without the
// manifest.json of a docker archive. It has no network.
//
// A [Plan] collects what is to be written. [Plan.WriteTar] writes it as one stream,
// [Layout.Write] into a folder, beside what the folder already holds. Content is
// copied as it is, and never converted: manifests, configs and layers keep their
// digests, and layers stay compressed as they are.
//
// Both write the list of names last. If a blob is missing or wrong, there is no such list,
// so no image can be found by its name.
package archive

import (
	"io"

	"github.com/gapseal/gapseal/oci"
)

// Source is where the content comes from. It must be verified already: manifests are
// used as they are.
type Source interface {
	// Manifest returns the manifest or index of that digest, nil if the source does not
	// hold it.
	Manifest(d oci.Digest) *oci.Manifest
	// Config returns the image config of that digest, nil if there is none that can be
	// read.
	Config(d oci.Digest) *oci.Config
	// Has reports whether the source holds a blob.
	Has(d oci.Digest) bool
	// OpenBlob opens a blob. If the content does not have the digest d, the reader returns
	// an error in place of the last bytes. The caller closes it.
	OpenBlob(d oci.Digest) (io.ReadCloser, error)
}
