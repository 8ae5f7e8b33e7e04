package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
)

// acceptManifests lists all forms of manifest. A registry may answer 404 for a
// manifest that it holds in a form that is not listed.
var acceptManifests = strings.Join([]string{
	oci.TypeIndex, oci.TypeManifest, oci.TypeDockerList, oci.TypeDockerManifest,
	"application/vnd.oci.artifact.manifest.v1+json",
}, ", ")

// Manifest returns a manifest or index, byte for byte, and its media type, which the
// document decides, whatever the registry says. repo is the full name of a repository such as
// "ghcr.io/acme/app", and tagOrDigest is such as "v1" or "sha256:…".
//
// The error matches [oci.ErrNotFound] if the registry answers that there is no such
// manifest, [oci.ErrDenied] if it refuses to say or does not answer such requests, [oci.ErrNoManifest] if it answers
// with something else, such as a web page, [ErrMismatch] if the bytes do not have the
// requested digest, and [check.ErrTooLarge] if there are more than
// [Options.MaxManifest].
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
	switch {
	case a.fault != nil && a.fault.StatusCode < 400: // such as 204
		return nil, "", fmt.Errorf("%w: %w", oci.ErrNoManifest, a.fault)
	case a.fault != nil:
		return nil, "", aboutContent(a.fault)
	}
	if got := oci.FromBytes(a.body); isDigest(tagOrDigest) && string(got) != tagOrDigest {
		return nil, "", fmt.Errorf("%w: the digest is not that of what came, %s",
			ErrMismatch, whatCame(a.Response, a.body))
	}
	mediaType, ok := documentType(a)
	if !ok {
		return nil, "", fmt.Errorf("%w, but %s", oci.ErrNoManifest, whatCame(a.Response, a.body))
	}
	return a.body, mediaType, nil
}

// documentType returns the media type of a manifest. The document decides: servers
// and caches give manifests other types. What the registry says counts only for a
// document that neither names its type nor has the shape of a manifest or index. It
// is not ok if the body is no document.
func documentType(a *answer) (string, bool) {
	var doc struct {
		MediaType string          `json:"mediaType"`
		Manifests json.RawMessage `json:"manifests"`
		Config    json.RawMessage `json:"config"`
		Layers    json.RawMessage `json:"layers"`
	}
	if body := bytes.TrimSpace(a.body); len(body) == 0 || body[0] != '{' {
		return "", false
	}
	err := strict.Unmarshal(a.body, &doc)
	isImage := doc.Config != nil || doc.Layers != nil
	stated := mediaTypeOf(a.Response)
	switch {
	case err != nil && !oci.IsIndex(stated):
		return oci.TypeManifest, true // those who read it as a manifest find the fault
	case err != nil:
		return stated, true
	case doc.MediaType != "":
		return doc.MediaType, true
	case doc.Manifests != nil && !isImage:
		return oci.TypeIndex, true
	case isImage && doc.Manifests == nil:
		return oci.TypeManifest, true
	}
	return stated, true
}

// mediaTypeOf returns the Content-Type in lower case and without its parameters, such
// as charset.
func mediaTypeOf(resp *http.Response) string {
	stated, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(stated))
}
