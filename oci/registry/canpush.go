package registry

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gapseal/gapseal/oci"
)

// CanPush begins an upload to repo and cancels it, so that a refusal is known before much is
// read. The error matches [oci.ErrDenied] if the registry refuses the right to push. Where
// the registry neither accepts nor refuses the upload, as during an outage, CanPush returns
// nil.
func (t *Target) CanPush(ctx context.Context, repo string) error {
	return explainPush("push to "+repo, repo, t.canPush(ctx, repo))
}

func (t *Target) canPush(ctx context.Context, repo string) error {
	r, err := t.source.open(ctx, repo)
	if err != nil {
		return err
	}
	s := session{r: r, d: oci.Descriptor{}}
	_, err = s.start(ctx)
	var fault *transport.Error
	if !errors.As(err, &fault) {
		s.abandon(ctx)
		return nil
	}
	switch fault.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed:
		return err
	}
	return nil
}
