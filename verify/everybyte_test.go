package verify_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// masks change the lowest bit, the bit that differs between upper and lower case,
// and the highest bit.
var masks = []byte{0x01, 0x20, 0x80}

// TestEveryByte changes every byte of a bundle with each mask and expects a
// rejection.
func TestEveryByte(t *testing.T) {
	c := newByteCount(t)
	n := len(c.raw) * len(masks)
	inParallel(n, func(i int) {
		at, mask := i/len(masks), masks[i%len(masks)]
		c.rejected(fmt.Sprintf("byte %d xor %#02x", at, mask), func(b []byte) []byte { b[at] ^= mask; return b }, i/stride%17 == 0)
	})
	c.report(t, fmt.Sprintf("every byte: %d bytes, %d masks each", len(c.raw), len(masks)))
}

// TestEveryLength cuts a bundle off at every length, and appends one byte of every
// value.
func TestEveryLength(t *testing.T) {
	c := newByteCount(t)
	inParallel(len(c.raw), func(n int) {
		c.rejected(fmt.Sprintf("cut off at %d", n), func(b []byte) []byte { return b[:n] }, n/stride%17 == 0)
	})
	inParallel(256, func(v int) {
		c.rejected(fmt.Sprintf("byte %#02x behind the end", v), func(b []byte) []byte { return append(b, byte(v)) }, v%17 == 0)
	})
	for _, n := range []int{511, 512, 1024, 10240} {
		c.rejected(fmt.Sprintf("%d zero bytes behind the end", n), func(b []byte) []byte { return append(b, make([]byte, n)...) }, true)
	}
	c.report(t, fmt.Sprintf("every length: 0 to %d bytes, and longer", len(c.raw)-1))
}

// byteCount is how the changed bundles were judged.
type byteCount struct {
	t     *testing.T
	raw   []byte
	opt   verify.Options
	mu    sync.Mutex
	first map[string]int // rejections by the first check that failed
	pipe  int
}

func newByteCount(t *testing.T) *byteCount {
	c := &byteCount{t: t, raw: fixture.Bundle(t, "app-v3:v1"), opt: fixture.Options(), first: map[string]int{}}
	for _, open := range []opener{asFile, asPipe} {
		if rep, err := answer(c.raw, c.opt, open); err != nil || rep.Verdict != check.Verified {
			t.Fatalf("the bundle is not good to begin with: %v", err)
		}
	}
	return c
}

// rejected changes a copy of the bundle and expects a rejection: from a file, and
// for some of them through a pipe.
func (c *byteCount) rejected(what string, change func([]byte) []byte, sample bool) {
	b := change(bytes.Clone(c.raw))
	rep, err := answer(b, c.opt, asFile)
	c.note(what+", as a file", rep, err)
	if sample {
		rep, err := answer(b, c.opt, asPipe)
		c.note(what+", through a pipe", rep, err)
		c.mu.Lock()
		c.pipe++
		c.mu.Unlock()
	}
}

func (c *byteCount) note(what string, rep *verify.Report, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err != nil:
		c.t.Errorf("%s: %v", what, err)
	case rep.Verdict != check.Rejected:
		c.t.Errorf("%s: %s", what, rep.Verdict)
	default:
		c.first[fixture.Failed(rep)[0]]++
	}
}

func (c *byteCount) report(t *testing.T, what string) {
	sum := 0
	for _, id := range slices.Sorted(maps.Keys(c.first)) {
		t.Logf("%6d rejected, first by %s", c.first[id], id)
		sum += c.first[id]
	}
	t.Logf("%s, one in %d tried: %d rejected, %d of them through a pipe; all that were tried: %t", what, stride, sum, c.pipe, !t.Failed())
}

type opener func([]byte, verify.Options) (*bundle.Reader, error)

func asFile(raw []byte, opt verify.Options) (*bundle.Reader, error) {
	return bundle.Open(bytes.NewReader(raw), int64(len(raw)), oci.Limits{})
}

func asPipe(raw []byte, opt verify.Options) (*bundle.Reader, error) {
	return bundle.OpenStream(bytes.NewReader(raw), oci.Limits{})
}

// answer verifies a bundle in memory; it may be called from any goroutine.
func answer(raw []byte, opt verify.Options, open opener) (*verify.Report, error) {
	r, err := open(raw, opt)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	rep, err := verify.Bundle(context.Background(), r, opt)
	if rep == nil {
		return nil, fmt.Errorf("no report: %w", err)
	}
	verified := rep.Verdict == check.Verified
	if (err == nil) != verified || (len(rep.Failures) == 0) != verified {
		return nil, fmt.Errorf("verdict %s, error %v and %d failures do not agree", rep.Verdict, err, len(rep.Failures))
	}
	return rep, nil
}

// inParallel calls work for 0 to n-1, in steps of stride, on all cores.
func inParallel(n int, work func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				work(i)
			}
		})
	}
	for i := 0; i < n; i += stride {
		next <- i
	}
	close(next)
	wg.Wait()
}
