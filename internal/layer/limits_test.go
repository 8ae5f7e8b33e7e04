package layer

import (
	"bytes"
	"errors"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

func TestLimits(t *testing.T) {
	zeros, content := make([]byte, 8<<20), tarball(t, 30, 40_000)
	bomb := bytes.Repeat(zblock(false, 1, 128<<10, 0), 10_000) // 1.3 GB in 40 kB
	for _, c := range []struct {
		name   string
		packed []byte
		limits Limits
		want   *LimitError // nil: none
	}{
		{"tar at the limit", content, Limits{MaxUnpacked: int64(len(content))}, nil},
		{"tar above", content, Limits{MaxUnpacked: int64(len(content)) - 1},
			&LimitError{LimitUnpacked, int64(len(content)) - 1, int64(len(content))}},
		{"gzip at the limit", gz(t, content), Limits{MaxUnpacked: int64(len(content))}, nil},
		{"gzip above", gz(t, content), Limits{MaxUnpacked: 1 << 20}, &LimitError{LimitUnpacked, 1 << 20, 1<<20 + 1}},
		{"zstd above", zst(t, content), Limits{MaxUnpacked: 1 << 20}, &LimitError{LimitUnpacked, 1 << 20, 1<<20 + 1}},
		{"gzip ratio", gz(t, zeros), Limits{MaxRatio: 500}, &LimitError{LimitRatio, 500, 501}},
		{"gzip ratio, allowed", gz(t, zeros), Limits{MaxRatio: 1033}, nil},
		{"zstd ratio", zst(t, zeros), Limits{}, &LimitError{LimitRatio, 1000, 1001}},
		{"zstd bomb", zframe(0, []byte{10 << 3}, bomb, zblock(true, 0, 0)), Limits{},
			&LimitError{LimitRatio, 1000, 1001}},
		{"tiny layer within the grace", zst(t, zeros[:RatioGrace]), Limits{}, nil},
		{"window at the limit", zframe(0, []byte{17 << 3}, zblock(true, 0, 0)), Limits{}, nil},
		{"window above", zframe(0, []byte{17<<3 | 1}, zblock(true, 0, 0)), Limits{},
			&LimitError{LimitWindow, 128 << 20, 144 << 20}},
		{"largest window", zframe(0, []byte{0xff}, zblock(true, 0, 0)), Limits{},
			&LimitError{LimitWindow, 128 << 20, zstdMaxWindow}},
		{"single segment above", zframe(0xe0, []byte{1, 0, 0, 8, 0, 0, 0, 0}, zblock(true, 0, 0)), Limits{},
			&LimitError{LimitWindow, 128 << 20, 128<<20 + 1}},
		{"single segment, absurd", zframe(0xe0, bytes.Repeat([]byte{0xff}, 8), zblock(true, 0, 0)), Limits{},
			&LimitError{LimitWindow, 128 << 20, 1 << 62}},
		{"window, raised", zst(t, content, zstd.WithWindowSize(256<<20)), Limits{MaxWindow: math.MaxInt64}, nil},
		{"window, lowered", zst(t, content, zstd.WithWindowSize(1<<20)), Limits{MaxWindow: 1 << 19},
			&LimitError{LimitWindow, 1 << 19, 1 << 20}},
	} {
		r := unpackAll(t, c.packed, c.limits)
		if c.want == nil {
			if r.Err != nil {
				t.Errorf("%s: %v, want no error", c.name, r.Err)
			}
			continue
		}
		var got *LimitError
		if !errors.As(r.Err, &got) || got.What != c.want.What || got.Limit != c.want.Limit ||
			got.Found < c.want.Found || r.DiffID != "" {
			t.Errorf("%s: got %+v (%v), want %v", c.name, r, r.Err, c.want)
		}
	}
}

func TestBombStopsEarly(t *testing.T) {
	bomb := zframe(0, []byte{10 << 3}, bytes.Repeat(zblock(false, 1, 128<<10, 0), 10_000))
	r := unpackAll(t, bomb, Limits{MaxUnpacked: 2 << 20})
	if most := int64(2<<20 + 128<<10); r.Unpacked > most {
		t.Errorf("unpacked %d bytes before stopping, want at most %d", r.Unpacked, most)
	}
}

func TestLimitErrorMessage(t *testing.T) {
	msg := (&LimitError{LimitRatio, 1000, 1001}).Error()
	for _, want := range []string{"ratio", "1000", "1001", "raise"} {
		if !strings.Contains(msg, want) {
			t.Errorf("%q does not say %q", msg, want)
		}
	}
}

func TestBudgetDoesNotOverflow(t *testing.T) {
	l := Limits{MaxUnpacked: math.MaxInt64, MaxRatio: math.MaxInt64}.orDefaults()
	for _, c := range []struct{ size, want int64 }{{math.MaxInt64, math.MaxInt64}, {2, math.MaxInt64},
		{1, math.MaxInt64}, {0, RatioGrace}, {-5, RatioGrace}} {
		if got := l.budget(c.size); got != c.want {
			t.Errorf("budget(%d) = %d, want %d", c.size, got, c.want)
		}
	}
}

// Allocations must not grow with the layer.
func TestMemoryIsConstant(t *testing.T) {
	content := make([]byte, 16<<20)
	for i := range content[HeadSize:] {
		content[HeadSize+i] = byte(i>>12 | i)
	}
	for name, c := range map[string]struct {
		packed []byte
		most   uint64
	}{
		"tar":  {content, 1 << 20},
		"gzip": {gz(t, content), 1 << 20},
		"zstd": {zst(t, content, zstd.WithWindowSize(4<<20)), 8 << 20},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := unpackAll(t, c.packed, Limits{MaxRatio: 1 << 20})
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; r.Err != nil || got > c.most {
			t.Errorf("%s: %d bytes allocated, want at most %d (error %v)", name, got, c.most, r.Err)
		}
	}
}
