package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
)

func TestRefusedUploads(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		code   string
		says   []string
	}{
		"no right":   {403, "DENIED", []string{"403 Forbidden", "log in as a user who may push there"}},
		"no login":   {401, "UNAUTHORIZED", []string{"log in as a user who may push there"}},
		"no such":    {404, "NAME_UNKNOWN", []string{"may have to be created"}},
		"a cache":    {405, "UNSUPPORTED", []string{"is it a mirror or a cache?"}},
		"large":      {413, "", []string{"client_max_body_size"}},
		"full":       {507, "", []string{"is full"}},
		"by digest":  {400, "DIGEST_INVALID", []string{"other bytes arrived"}},
		"by a fault": {500, "UNKNOWN", []string{"try again later"}},
	} {
		for _, size := range []int{1000, 200_000} {
			l := newLab(t)
			l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == "PUT" || r.Method == "POST" && c.status != 400 {
					_, _ = io.Copy(io.Discard, r.Body)
					refuse(w, c.status, c.code)
					return true
				}
				return false
			}
			err := l.upload(l.target(), noise(size), 5000)
			wantText(t, err, append(c.says, "upload of blob "+l.repo)...)
			if denied := c.status == 401 || c.status == 403; errors.Is(err, oci.ErrDenied) != denied {
				t.Errorf("%s: denied: %v", name, err)
			}
		}
	}
}

func TestUploadOfOtherBytes(t *testing.T) {
	for _, size := range []int{1000, 3 * int(storeSizes.window)} {
		s := newStore(t)
		content := noise(size)
		d := describeBytes(content)
		content[size/2]++
		for name, write := range map[string][]byte{
			"short": content[:size-1], "flipped": content, "long": append(bytes.Clone(content), 1)} {
			u, err := s.target().Upload(t.Context(), s.repo, d)
			if err != nil {
				t.Fatal(err)
			}
			_, writeErr := u.Write(write)
			err = u.Commit(t.Context())
			if err == nil || name == "long" && !errors.Is(writeErr, oci.ErrMismatch) ||
				name == "short" && !errors.Is(err, oci.ErrMismatch) {
				t.Errorf("%s: %v, %v", name, writeErr, err)
			}
		}
		if len(s.blobs)+len(s.uploads) != 0 {
			t.Errorf("%d blobs and %d uploads are left", len(s.blobs), len(s.uploads))
		}
	}
}

// TestCancelLeavesNothing cancels at several places, and wants no upload, no memory
// and no goroutine to be left.
func TestCancelLeavesNothing(t *testing.T) {
	s := newStore(t)
	target := s.target()
	content := noise(5 * int(storeSizes.window))
	before := runtime.NumGoroutine()
	for _, size := range []int{10, len(content)} {
		for _, written := range []int{0, 5, size / 2, size} {
			u, err := target.Upload(t.Context(), s.repo, describeBytes(content[:size]))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := u.Write(content[:written]); err != nil {
				t.Fatal(err)
			}
			if err := u.Cancel(t.Context()); err != nil {
				t.Error(err)
			}
			if err := u.Commit(t.Context()); err == nil {
				t.Error("committed after it was cancelled")
			}
			if _, err := u.Write([]byte{1}); err == nil {
				t.Error("wrote after it was cancelled")
			}
		}
	}
	if len(s.blobs) != 0 {
		t.Errorf("%d blobs", len(s.blobs))
	}
	if !target.memory.left.TryAcquire(storeSizes.total) {
		t.Error("memory is left")
	}
	target.source.network.close()
	s.server.CloseClientConnections()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func TestContextEndsAnUpload(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	content := noise(8 * int(storeSizes.window))
	u, err := s.target().Upload(ctx, s.repo, describeBytes(content))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write(content[:1000]); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := u.Write(content[1000:]); !errors.Is(err, context.Canceled) {
		t.Errorf("write: %v", err)
	}
	if err := u.Commit(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("commit: %v", err)
	}
}

// TestMemoryOfUploads begins more uploads than there is memory for.
func TestMemoryOfUploads(t *testing.T) {
	l := newLab(t)
	target := l.target()
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			content := append(noise(3*int(smallSizes.window)), byte(i))
			if err := l.upload(target, content, 5000); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n, most := len(target.memory.free), int(smallSizes.total/smallSizes.window); n > most {
		t.Errorf("%d buffers, want %d at most", n, most)
	}
}

// TestAnUploadThatGoesBackAndForth has a registry that never stores a chunk, and says each
// second time that it has a part.
func TestAnUploadThatGoesBackAndForth(t *testing.T) {
	l := newLab(t)
	asks, patches := 0, 0
	l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
		switch {
		case r.Method == http.MethodPatch:
			patches++
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(500)
		case r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/uploads/"):
			asks++
			w.Header().Set("Range", []string{"0-0", "0-2097151"}[asks%2])
			w.WriteHeader(204)
		default:
			return false
		}
		return true
	}
	if err := l.upload(l.targetOf(defaultSizes), noise(8<<20), 1<<20); err == nil || patches > 20 {
		t.Errorf("%d chunks were sent; error %v", patches, err)
	}
}
