package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	mem "github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/oci"
)

// small sizes, so that little content makes many chunks.
var smallSizes = sizes{chunk: 64 << 10, total: 5 * 64 << 10}

func (l *lab) target() *Target { return l.targetWith(Options{}) }

func (l *lab) targetWith(opts Options) *Target {
	l.t.Helper()
	if opts.Keychain == nil {
		opts.Keychain = noCredentials{}
	}
	if opts.CertsDirs == nil {
		opts.CertsDirs = []string{}
	}
	t, err := newTarget(opts, fast, smallSizes)
	if err != nil {
		l.t.Fatal(err)
	}
	return t
}

func describeBytes(content []byte) oci.Descriptor {
	return oci.Descriptor{Digest: oci.FromBytes(content), Size: int64(len(content))}
}

// upload stores content, in writes of step bytes.
func (l *lab) upload(t *Target, content []byte, step int) error {
	l.t.Helper()
	u, err := t.Upload(context.Background(), l.repo, describeBytes(content))
	if err != nil {
		return err
	}
	for rest := content; len(rest) > 0; rest = rest[min(step, len(rest)):] {
		if _, err := u.Write(rest[:min(step, len(rest))]); err != nil {
			return errors.Join(err, u.Cancel(context.Background()))
		}
	}
	return u.Commit(context.Background())
}

// wantBlob wants the registry to hold content.
func (l *lab) wantBlob(content []byte) {
	l.t.Helper()
	got, err := l.blob(context.Background(), describeBytes(content))
	if err != nil || !bytes.Equal(got, content) {
		l.t.Errorf("the registry has %d bytes, %v", len(got), err)
	}
}

var _ = []any{mem.New, fmt.Sprint, io.EOF, http.MethodGet, runtime.NumGoroutine, strings.Cut, sync.Mutex{}, atomic.Int64{}, time.Now}

func TestUpload(t *testing.T) {
	chunk := int(smallSizes.chunk)
	for _, size := range []int{0, 1, 100, chunk / 8, chunk - 1, chunk, chunk + 1, 2 * chunk, 2*chunk + 1, 10*chunk - 1} {
		for _, step := range []int{997, chunk, 3*chunk + 1} {
			l := newLab(t)
			content := noise(size)
			if err := l.upload(l.target(), content, step); err != nil {
				t.Errorf("%d bytes by %d: %v", size, step, err)
			}
			l.wantBlob(content)
			if n, want := l.requests("PATCH"), (size+chunk-1)/chunk; size > chunk && n != want {
				t.Errorf("%d bytes by %d: %d chunks, want %d", size, step, n, want)
			}
		}
	}
}
