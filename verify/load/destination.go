package load

import (
	"context"
	"io"

	"github.com/gapseal/gapseal/oci"
)

// Destination is where images are loaded to. Package oci/registry implements it for
// registries. It must be safe for concurrent use. A repo is a repository written in full,
// with the registry. An error says what was asked for, and where.
type Destination interface {
	// CanPush returns an error if repo does not accept what this user pushes. It stores
	// nothing, and it returns nil if the destination does not say.
	CanPush(ctx context.Context, repo string) error
	// HasBlob reports whether repo holds the blob d, by its digest and size.
	HasBlob(ctx context.Context, repo string, d oci.Descriptor) (bool, error)
	// Mount makes a blob of the repository from present in repo. It returns false if
	// the destination does not offer that.
	Mount(ctx context.Context, repo, from string, d oci.Descriptor) (bool, error)
	// Upload begins to store the blob d in repo.
	Upload(ctx context.Context, repo string, d oci.Descriptor) (oci.Upload, error)
	// Blob opens a blob, to copy it where mounting is not offered.
	Blob(ctx context.Context, repo string, d oci.Descriptor) (io.ReadCloser, error)
	// Manifest returns a manifest by tag or digest. If there is none, the error matches
	// [oci.ErrNotFound].
	Manifest(ctx context.Context, repo, tagOrDigest string) (raw []byte, mediaType string, err error)
	// PutManifest stores a manifest, byte for byte, under its digest or a tag.
	PutManifest(ctx context.Context, repo, tagOrDigest, mediaType string, raw []byte) error
	// HasReferrersAPI reports whether a request for the referrers of d is answered with a
	// list, so that no fallback tag is needed.
	HasReferrersAPI(ctx context.Context, repo string, d oci.Digest) (bool, error)
	// Referrers lists what refers to d: by the API, or else by the fallback tag.
	Referrers(ctx context.Context, repo string, d oci.Digest) ([]oci.Descriptor, error)
	// AddReferrers adds descriptors to the index at the fallback tag of subject. What
	// the index lists already stays. It reads the index back.
	AddReferrers(ctx context.Context, repo string, subject oci.Digest, add []oci.Descriptor) error
}
