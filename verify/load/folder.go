package load

import (
	"context"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/archive"
)

// Folder is an OCI image layout in a folder, as an [Importer]. It takes everything that
// the bundle holds of an image, with its evidence.
type Folder struct {
	dir    string
	layout *archive.Layout
}

// OpenFolder opens a folder. A folder that does not exist is created when the first image
// is written. One that holds anything but an OCI image layout is an error.
func OpenFolder(dir string) (*Folder, error) {
	l, err := archive.OpenLayout(dir)
	if err != nil {
		return nil, err
	}
	return &Folder{dir, l}, nil
}

// String implements [Importer].
func (f *Folder) String() string { return "oci:" + f.dir }

// Form implements [Importer].
func (f *Folder) Form() Form { return Form{Evidence: true, OneDigest: true} }

// Find implements [Importer].
func (f *Folder) Find(_ context.Context, name string) ([]oci.Digest, error) {
	return f.layout.Named(name), nil
}

// Manifest returns a manifest that the folder lists, nil if there is none or it is damaged.
func (f *Folder) Manifest(d oci.Digest) *oci.Manifest { return f.layout.Manifest(d) }

// Import implements [Importer].
func (f *Folder) Import(ctx context.Context, p *archive.Plan, progress func(int64)) (map[oci.Digest]bool, error) {
	done, err := f.layout.Write(ctx, p, progress)
	return done.Present, err
}

// ReadBack implements [Importer].
func (f *Folder) ReadBack(_ context.Context, p *archive.Plan) error { return f.layout.Check(p) }
