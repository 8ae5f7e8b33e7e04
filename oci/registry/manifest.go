package registry

import (
	"context"
	"fmt"
	"mime"
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// acceptManifests lists all forms of manifest. A registry may answer 404 for a
// manifest that it holds in a form that is not listed.
var acceptManifests = strings.Join([]string{
	oci.TypeIndex, oci.TypeManifest, oci.TypeDockerList, oci.TypeDockerManifest,
	"application/vnd.oci.artifact.manifest.v1+json",
}, ", ")

// Manifest returns a manifest or index, byte for byte, and the media type that the
// registry gives it. repo is the full name of a repository such as
// "ghcr.io/acme/app", and tagOrDigest is such as "v1" or "sha256:…".
//
// The error matches [oci.ErrNotFound] if the registry answers that there is no such
// manifest, [ErrMismatch] if the bytes do not have the requested digest, and
// [check.ErrTooLarge] if there are more than [Options.MaxManifest].
func (s *Source) Manifest(ctx context.Context, repo, tagOrDigest string) (raw []byte, mediaType string, err error) {
	raw, mediaType, err = s.manifest(ctx, repo, tagOrDigest)
	if err != nil {
		return nil, "", explain("manifest "+join(repo, tagOrDigest), repo, err)
	}
	return raw, mediaType, nil
}

func (s *Source) manifest(ctx context.Context, repo, tagOrDigest string) ([]byte, string, error) {
	if err := checkIdentifier(tagOrDigest); err != nil {
		return nil, "", err
	}
	r, err := s.open(ctx, repo)
	if err != nil {
		return nil, "", err
	}
	a, err := r.document(ctx, r.url("manifests", tagOrDigest), acceptManifests, s.maxManifest)
	if err != nil {
		return nil, "", err
	}
	if a.fault != nil {
		return nil, "", orNotFound(a.fault)
	}
	if got := oci.FromBytes(a.body); isDigest(tagOrDigest) && string(got) != tagOrDigest {
		return nil, "", fmt.Errorf("%w: the registry sent a manifest with digest %s", ErrMismatch, got)
	}
	return a.body, mediaTypeOf(a), nil
}

// mediaTypeOf returns the Content-Type without its parameters, such as charset.
func mediaTypeOf(a *answer) string {
	stated := a.Header.Get("Content-Type")
	if mt, _, err := mime.ParseMediaType(stated); err == nil {
		return mt
	}
	return stated
}
