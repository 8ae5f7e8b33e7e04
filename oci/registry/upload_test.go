package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
)

// small sizes, so that little content makes many chunks.
var smallSizes = sizes{small: 32 << 10, chunk: 64 << 10, window: 96 << 10, total: 4 * 96 << 10}

func (l *lab) target() *Target { return l.targetOf(smallSizes) }

func (l *lab) targetOf(s sizes) *Target {
	l.t.Helper()
	opts := Options{Keychain: noCredentials{}, CertsDirs: []string{}, AllowInsecure: true}
	t, err := newTarget(opts, fast, s)
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

// TestCutUploadsGoOn cuts the connection once, at each kind of place: before and in the
// place of each answer, and within the content.
func TestCutUploadsGoOn(t *testing.T) {
	window := int(storeSizes.window)
	places := []int64{0, 1, 1000, storeSizes.small, storeSizes.chunk, storeSizes.window + 1}
	for _, size := range []int{1000, window + 1, 5 * window} {
		content := noise(size)
		for request := 1; request <= 3; request++ {
			for _, cut := range places {
				if cut >= int64(size) {
					continue
				}
				s := newStore(t)
				s.fault = func(n int, r *http.Request) (int64, int) {
					if n == request {
						return cut, 0
					}
					return -1, 0
				}
				if err := s.push(content); err != nil {
					t.Errorf("%d bytes, request %d cut after %d bytes: %v", size, request, cut, err)
					continue
				}
				s.wantBlob(content)
			}
		}
	}
}

func (s *store) push(content []byte) error { return s.upload(s.target(), content, 50_000) }

// TestRandomFaults cuts connections and answers with passing statuses at random. An
// upload that fails is tried again by another Target, as when a command is run again.
func TestRandomFaults(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	const runs, tries = 40, 6
	failed := 0
	for range runs {
		s := newStore(t)
		content := noise(int(storeSizes.window) / 2 * (1 + rnd.IntN(12)))
		s.fault = func(n int, r *http.Request) (int64, int) {
			switch rnd.IntN(12) {
			case 0:
				return rnd.Int64N(2 << 20), 0
			case 1:
				return -1, []int{500, 502, 503, 429}[rnd.IntN(4)]
			}
			return -1, 0
		}
		err := s.push(content)
		for n := 1; n < tries && err != nil; n++ {
			failed++
			err = s.push(content)
		}
		if err != nil {
			t.Error(err)
			continue
		}
		s.wantBlob(content)
	}
	if failed > runs/3 {
		t.Errorf("%d uploads of %d failed", failed, runs+failed)
	}
}

// TestUploadsThatCannotGoOn wants an error if the registry lost what is no longer in memory,
// or does not say how much it has.
func TestUploadsThatCannotGoOn(t *testing.T) {
	content := noise(8 * int(storeSizes.window))
	cutLate := func(s *store, also func()) {
		s.fault = func(n int, r *http.Request) (int64, int) {
			if n == 2 {
				also()
				return 5 * storeSizes.window, 0
			}
			return -1, 0
		}
	}
	s := newStore(t)
	s.noStatus = true
	cutLate(s, func() {})
	wantText(t, s.push(content), "no longer in memory", "upload of blob "+s.repo)

	s = newStore(t)
	cutLate(s, func() {})
	late := s.fault
	s.fault = func(n int, r *http.Request) (int64, int) {
		if n == 3 {
			clear(s.uploads)
		}
		return late(n, r)
	}
	wantText(t, s.push(content), "lost what was sent so far", "BLOB_UPLOAD_UNKNOWN")
}

// TestLostUploadBeginsAgain loses an upload while all of it is in memory.
func TestLostUploadBeginsAgain(t *testing.T) {
	s := newStore(t)
	content := noise(int(storeSizes.window))
	s.fault = func(n int, r *http.Request) (int64, int) {
		if n == 3 {
			clear(s.uploads)
		}
		if n == 2 {
			return 1000, 0
		}
		return -1, 0
	}
	if err := s.push(content); err != nil {
		t.Fatal(err)
	}
	s.wantBlob(content)
}

func TestPassingStatusesOfUploads(t *testing.T) {
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		for request := 1; request <= 3; request++ {
			for _, size := range []int{1000, 3 * int(storeSizes.window)} {
				s := newStore(t)
				s.fault = func(n int, r *http.Request) (int64, int) {
					if n == request {
						return -1, status
					}
					return -1, 0
				}
				content := noise(size)
				err := s.push(content)
				// A PATCH that was taken and answered by an error is gone from the memory
				// only if it was longer than that.
				if request == 2 && size > int(storeSizes.window) {
					wantText(t, err, "no longer in memory")
					continue
				}
				if err != nil {
					t.Errorf("%d at request %d, %d bytes: %v", status, request, size, err)
					continue
				}
				s.wantBlob(content)
			}
		}
	}
}

func TestCutUploadsGoOnOverHTTP2(t *testing.T) {
	content := noise(4 * int(storeSizes.window))
	for _, cut := range []int64{0, 1, 1000, storeSizes.chunk - 1} {
		s := newStoreOfHTTP2(t)
		s.fault = func(n int, r *http.Request) (int64, int) {
			if r.ProtoMajor != 2 {
				t.Error(r.Proto)
			}
			if n%5 == 0 {
				return cut, 0
			}
			return -1, 0
		}
		target := s.target()
		target.faultyOf(hostOf(s.repo)).Store(true)
		if err := s.upload(target, content, 50_000); err != nil {
			t.Errorf("cut after %d bytes: %v", cut, err)
			continue
		}
		s.wantBlob(content)
	}
}

// TestRegistryThatWantsLargeChunks asks for more than one chunk holds.
func TestRegistryThatWantsLargeChunks(t *testing.T) {
	s := newStore(t)
	s.header = func(h http.Header) { h.Set("OCI-Chunk-Min-Length", "100000000") }
	target := s.target()
	target.faultyOf(hostOf(s.repo)).Store(true)
	content := noise(4 * int(storeSizes.window))
	if err := s.upload(target, content, 50_000); err != nil {
		t.Fatal(err)
	}
	s.wantBlob(content)
	if n := s.requests("PATCH"); n != 1 {
		t.Errorf("%d requests with content", n)
	}
}

// TestRegistryWithoutChunks refuses them. If all that was written is still in memory it is
// sent at once, and later uploads are in any case.
func TestRegistryWithoutChunks(t *testing.T) {
	for _, from := range []string{"0-", strconv.FormatInt(storeSizes.chunk, 10) + "-"} {
		s := newStore(t)
		s.fault = func(n int, r *http.Request) (int64, int) {
			if strings.HasPrefix(r.Header.Get("Content-Range"), from) {
				return -1, 405
			}
			return -1, 0
		}
		target := s.target()
		target.faultyOf(hostOf(s.repo)).Store(true)
		content := noise(4 * int(storeSizes.window))
		err := s.upload(target, content, 50_000)
		if first := from == "0-"; (err == nil) != first {
			t.Errorf("refused from %s: %v", from, err)
		}
		if err := s.upload(target, content, 50_000); err != nil {
			t.Errorf("the next upload: %v", err)
		}
		s.wantBlob(content)
	}
}

// TestPartsThatARegistryTakes has a registry that stores only a part of each chunk, and
// says so.
func TestPartsThatARegistryTakes(t *testing.T) {
	s := newStore(t)
	s.takes = 500_000
	content := noise(4 * int(storeSizes.window))
	target := s.target()
	target.faultyOf(hostOf(s.repo)).Store(true)
	err := s.upload(target, content, 50_000)
	wantText(t, err, "stored only a part of what was sent")
}

// TestSilenceDuringAnUpload wants an upload to fail if the registry takes nothing any
// more, and not if it is slow.
func TestSilenceDuringAnUpload(t *testing.T) {
	content := noise(6 << 20)
	for _, slow := range []bool{true, false} {
		s := newStore(t)
		s.disturb = func(w http.ResponseWriter, r *http.Request) bool {
			switch r.Method {
			case http.MethodPost:
				w.Header().Set("Location", "/v2/acme/app/blobs/uploads/1")
				w.WriteHeader(202)
			case http.MethodPatch:
				for n := int64(1); slow && n > 0; n, _ = io.CopyN(io.Discard, r.Body, 1<<20) {
					time.Sleep(100 * time.Millisecond)
				}
				if !slow {
					time.Sleep(time.Second)
				}
				w.WriteHeader(202)
			case http.MethodPut:
				w.WriteHeader(201)
			}
			return true
		}
		target := s.target()
		p := impatient()
		p.silence, p.answer = 500*time.Millisecond, 2*time.Second
		target.source.pace, target.source.network.pace = p, p
		err := s.upload(target, content, 50_000)
		if slow && err != nil {
			t.Errorf("slow: %v", err)
		}
		if !slow {
			wantText(t, err, "to take what is sent")
		}
	}
}
