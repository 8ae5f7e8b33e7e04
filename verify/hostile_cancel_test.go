package verify_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// TestNoReportOfAnInterrupted: a verification that is interrupted, at any stage, ends
// without a report and so without a verdict, for good and for bad bundles.
func TestNoReportOfAnInterrupted(t *testing.T) {
	good := fixture.Bundle(t, "app:v1")
	bad := append(bytes.Clone(good), 0)
	for stage, arm := range map[string]func(cancel func(), o *verify.Options){
		"before":              func(cancel func(), _ *verify.Options) { cancel() },
		"metadata was judged": func(cancel func(), o *verify.Options) { o.OnMetadata = func(verify.Report) { cancel() } },
		"content is hashed":   func(cancel func(), o *verify.Options) { o.Progress = func(int64) { cancel() } },
	} {
		for name, raw := range map[string][]byte{"good": good, "bad": bad} {
			for _, stream := range []bool{false, true} {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				opt := fixture.Options()
				opt.Deep = true
				arm(cancel, &opt)
				rep, err := verify.Bundle(ctx, opened(t, raw, stream), opt)
				if rep != nil || !errors.Is(err, context.Canceled) {
					t.Errorf("%s, %s, stream %v: report %v, error %v", stage, name, stream, rep != nil, err)
				}
			}
		}
	}
}

func opened(t *testing.T, raw []byte, stream bool) *bundle.Reader {
	t.Helper()
	lim := oci.Limits{}
	r, err := bundle.Open(bytes.NewReader(raw), int64(len(raw)), lim)
	if stream {
		r, err = bundle.OpenStream(io.MultiReader(bytes.NewReader(raw)), lim)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}
