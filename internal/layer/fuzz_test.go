package layer

import (
	"bytes"
	stdgzip "compress/gzip"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Small limits, so that a fuzzer reaches them.
var fuzzLimits = Limits{MaxUnpacked: 1 << 20, MaxRatio: 2000, MaxWindow: 1 << 20}

func FuzzUnpack(f *testing.F) {
	content := tarball(f, 1, 600)
	for _, seed := range [][]byte{
		content,
		make([]byte, 1024),
		gz(f, content), stdGz(f, content),
		append(gz(f, content), make([]byte, 20)...),
		slices.Concat(gzHeader(f, nil, gzip.Header{Name: "n", Comment: "c", Extra: []byte("e")}), gz(f, content)),
		zst(f, content), zst(f, content, zstd.WithSingleSegment(true)),
		slices.Concat(zskip("covert"), zst(f, content, zstd.WithEncoderCRC(false)), zst(f, content)),
		zframe(0, []byte{10 << 3}, zblock(false, 1, 128<<10, 0), zblock(true, 0, 1, 'x')),
		zframe(0xe0, []byte{1, 0, 0, 8, 0, 0, 0, 0}, zblock(true, 0, 0)),
	} {
		f.Add(seed, uint16(len(seed)/2))
	}
	f.Fuzz(func(t *testing.T, packed []byte, cut uint16) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := unpackInTime(t, packed, int(cut))
		runtime.ReadMemStats(&after)
		checkResult(t, packed, r)
		most := uint64(24<<20 + 8*len(packed))
		if got := after.TotalAlloc - before.TotalAlloc; got > most {
			t.Errorf("%d bytes allocated for %d, want at most %d", got, len(packed), most)
		}
	})
}

// unpackInTime writes packed in two parts.
func unpackInTime(t *testing.T, packed []byte, cut int) Result {
	done := make(chan Result, 1)
	go func() {
		u := NewUnpacker(int64(len(packed)), fuzzLimits)
		_, _ = u.Write(packed[:min(cut, len(packed))])
		_, _ = u.Write(packed[min(cut, len(packed)):])
		_ = u.Close()
		done <- u.Result()
	}()
	select {
	case r := <-done:
		return r
	case <-time.After(10 * time.Second):
		t.Fatal("no result after ten seconds")
		panic("unreachable")
	}
}

func checkResult(t *testing.T, packed []byte, r Result) {
	limit := (*LimitError)(nil)
	switch {
	case r.Format != Sniff(packed[:min(len(packed), HeadSize)]):
		t.Errorf("format %s is not what the first block says", r.Format)
	case r.Err == nil:
		checkDiffID(t, packed, r)
	case r.DiffID != "":
		t.Errorf("diff ID beside error %v", r.Err)
	case !errors.As(r.Err, &limit) && !errors.Is(r.Err, ErrDamaged) && !errors.Is(r.Err, ErrTrailing) &&
		!errors.Is(r.Err, ErrFormat):
		t.Errorf("error of an unknown class: %v", r.Err)
	}
}

// checkDiffID unpacks again in another way: with the standard library's gzip over
// all members, and with the zstd decoder's function for data in memory.
func checkDiffID(t *testing.T, packed []byte, r Result) {
	want, err := packed, error(nil)
	switch r.Format {
	case Gzip:
		want, err = stdUnzip(packed, r)
	case Zstd:
		var dec *zstd.Decoder
		dec, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(4<<20))
		must(t, err)
		defer dec.Close()
		want, err = dec.DecodeAll(packed, nil)
	case Other:
		t.Error("no error for a format that is not known")
	}
	if err != nil || r.DiffID != diffID(want) || r.Unpacked != int64(len(want)) {
		t.Errorf("got %+v; another decoder has %d bytes, %s, error %v", r, len(want), diffID(want), err)
	}
}

// stdUnzip ignores an error only after the last member, where the standard library
// refuses the zero padding that is a finding here.
func stdUnzip(packed []byte, r Result) ([]byte, error) {
	zr, err := stdgzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	all, err := io.ReadAll(zr)
	if slices.ContainsFunc(r.Findings, func(s string) bool {
		return bytes.Contains([]byte(s),
			[]byte("zero bytes follow"))
	}) {
		err = nil
	}
	return all, err
}
