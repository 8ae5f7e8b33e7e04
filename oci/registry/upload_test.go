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
var smallSizes = sizes{small: 32 << 10, chunk: 64 << 10, window: 96 << 10, total: 4 * 96 << 10}

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
	small, window := int(smallSizes.small), int(smallSizes.window)
	for _, size := range []int{0, 1, 100, small, small + 1, window - 1, window, window + 1, 10*window + 7} {
		for _, step := range []int{997, window, 3*window + 1} {
			for _, faulty := range []bool{false, true} {
				l := newLab(t)
				target := l.target()
				target.faultyOf(hostOf(l.repo)).Store(faulty)
				content := noise(size)
				if err := l.upload(target, content, step); err != nil {
					t.Errorf("%d bytes by %d: %v", size, step, err)
				}
				l.wantBlob(content)
				want := 0
				if size > small {
					want = 1
				}
				if faulty && size > small {
					want = (size + int(smallSizes.chunk) - 1) / int(smallSizes.chunk)
				}
				if n := l.requests("PATCH"); n != want {
					t.Errorf("%d bytes by %d: %d requests with content, want %d", size, step, n, want)
				}
			}
		}
	}
}
