package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// PutManifest stores a manifest or index, byte for byte, under a tag or under its
// digest. What it points to has to be stored before. If the registry refuses it, but holds
// the same manifest at that place, that is success.
//
// The error matches [ErrMismatch] if the registry says that it stored something else,
// and [oci.ErrDenied] if it refuses the right to push.
func (t *Target) PutManifest(ctx context.Context, repo, tagOrDigest, mediaType string, raw []byte) error {
	err := t.putManifest(ctx, repo, tagOrDigest, mediaType, raw)
	return explainPush("push manifest "+join(repo, tagOrDigest), repo, err)
}

func (t *Target) putManifest(ctx context.Context, repo, tagOrDigest, mediaType string, raw []byte) error {
	if err := checkIdentifier(tagOrDigest); err != nil {
		return err
	}
	digest := oci.FromBytes(raw)
	if isDigest(tagOrDigest) && tagOrDigest != string(digest) {
		return mismatch("the digest of the manifest is %s", digest)
	}
	r, err := t.source.open(ctx, repo)
	if err != nil {
		return err
	}
	resp, err := r.request(ctx, http.MethodPut, r.url("manifests", tagOrDigest),
		http.Header{"Content-Type": {mediaType}}, raw, http.StatusCreated, http.StatusOK, http.StatusAccepted)
	if err == nil {
		return checkStored(resp, digest)
	}
	var fault *transport.Error
	switch {
	case !errors.As(err, &fault):
		return err
	case !isDenied(fault) && t.holds(ctx, repo, tagOrDigest, digest):
		return nil
	}
	return &putError{err, fault, mediaType}
}

// holds reports whether the registry has the manifest d at that place. An earlier request
// may have stored it although its answer was lost, and a tag that exists may be immutable.
func (t *Target) holds(ctx context.Context, repo, tagOrDigest string, d oci.Digest) bool {
	raw, _, err := t.source.manifest(ctx, repo, tagOrDigest)
	return err == nil && oci.FromBytes(raw) == d
}

// putError is the refusal of a manifest.
type putError struct {
	error
	fault     *transport.Error
	mediaType string
}

func (e *putError) Unwrap() error { return e.error }

// detail returns what the registry says beside its messages; empty for nil.
func (e *putError) detail() string {
	if e == nil {
		return ""
	}
	for _, d := range e.fault.Errors {
		if raw, err := json.Marshal(d.Detail); err == nil && len(raw) > len("null") {
			return " (detail: " + check.Clip(printable(string(raw))) + ")"
		}
	}
	return ""
}

func (e *putError) remedy(host string) string {
	switch {
	case isImmutable(e.fault):
		return "the tag exists, and the registry does not let it be changed: load under another tag, " +
			"or delete the one that exists"
	case hasCode(e.fault, transport.ManifestBlobUnknownErrorCode, "BLOB_UNKNOWN") || e.lacksChildren():
		return "the registry wants everything that the manifest points to: " +
			"an index needs all its platforms in the bundle, and an image all its layers"
	case e.refusesType():
		return fmt.Sprintf("the registry does not store manifests of the media type %.100q as they are, "+
			"and nothing is converted: update or configure the registry, or use another one", e.mediaType)
	}
	return remedyForPush(e.fault, host)
}

// lacksChildren reports whether an index was refused because a child is missing.
func (e *putError) lacksChildren() bool {
	return oci.IsIndex(e.mediaType) && hasCode(e.fault, transport.ManifestUnknownErrorCode)
}

func (e *putError) refusesType() bool {
	return e.fault.StatusCode == http.StatusUnsupportedMediaType || e.fault.StatusCode == http.StatusNotAcceptable ||
		hasCode(e.fault, transport.ManifestInvalidErrorCode, transport.UnsupportedErrorCode, "MEDIATYPE_INVALID")
}

// isImmutable reports whether a tag was refused since it must not be changed. There
// is no code for it: registries say it in words (ECR and others 400, Harbor 412,
// Artifactory and others 409).
func isImmutable(fault *transport.Error) bool {
	if fault.StatusCode == http.StatusConflict || fault.StatusCode == http.StatusPreconditionFailed {
		return true
	}
	for _, d := range fault.Errors {
		text := strings.ToLower(d.Message + " " + fmt.Sprint(d.Detail))
		if strings.Contains(text, "immutable") || strings.Contains(text, "cannot be overwritten") {
			return true
		}
	}
	return false
}

// explainPush is [explain] for what is written.
func explainPush(what, repo string, err error) error {
	if err == nil {
		return nil
	}
	var put *putError
	var fault *transport.Error
	var token *tokenError
	remedy, host := "", hostOf(repo)
	switch {
	case errors.As(err, &fault) && elsewhere(requestHost(fault), host):
	case errors.As(err, &put):
		remedy = put.remedy(host)
	case errors.As(err, &fault) && !errors.As(err, &token):
		remedy = remedyForPush(fault, host)
	}
	if remedy == "" {
		return explain(what, repo, err)
	}
	text := what + ": " + describe(err) + put.detail() + "; " + remedy
	if isRefused(err) {
		err = fmt.Errorf("%w: %w", oci.ErrDenied, err)
	}
	return &fetchError{text, err}
}

// remedyForPush says what to do about a refusal; empty for what is not about pushing.
func remedyForPush(fault *transport.Error, host string) string {
	switch code := fault.StatusCode; {
	case isDenied(fault):
		return "log in as a user who may push there: docker login " + host
	case hasCode(fault, transport.DigestInvalidErrorCode):
		return "other bytes arrived than were sent: look for a proxy in between that changes them, and try again"
	case code == http.StatusNotFound:
		return "the repository may have to be created before something is pushed to it"
	case code == http.StatusMethodNotAllowed:
		return "this registry does not accept pushes here: is it a mirror or a cache?"
	case code == http.StatusRequestEntityTooLarge:
		return "raise the limit for the size of a request in the registry, or in the proxy before it " +
			"(nginx: client_max_body_size)"
	case code == http.StatusInsufficientStorage:
		return "the storage of the registry is full"
	}
	return ""
}
