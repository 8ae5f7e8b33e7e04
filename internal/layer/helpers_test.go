package layer

import (
	"archive/tar"
	"bytes"
	stdgzip "compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// tarball returns a tar of files that compress about as well as real ones.
func tarball(t testing.TB, files, size int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for i := range files {
		body := text(rng, size)
		must(t, w.WriteHeader(&tar.Header{Name: "file" + string(rune('a'+i%26)), Mode: 0o644, Size: int64(len(body))}))
		_, err := w.Write(body)
		must(t, err)
	}
	must(t, w.Close())
	return buf.Bytes()
}

func text(rng *rand.Rand, size int) []byte {
	words := []string{"func ", "return ", "error ", "if err != nil {\n", "\x7fELF\x00\x00", "layer ",
		"0123456789abcdef"}
	var b []byte
	for len(b) < size {
		b = append(b, words[rng.IntN(len(words))]...)
		b = append(b, byte(rng.Uint32()))
	}
	return b[:size]
}

func gz(t testing.TB, data []byte) []byte { return gzHeader(t, data, gzip.Header{OS: 255}) }

func gzHeader(t testing.TB, data []byte, h gzip.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	w.Header = h
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

func stdGz(t testing.TB, data []byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := stdgzip.NewWriter(&buf)
	_, err := w.Write(data)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

func zst(t testing.TB, data []byte, opts ...zstd.EOption) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, err := zstd.NewWriter(&buf, append(opts, zstd.WithEncoderConcurrency(1))...)
	must(t, err)
	_, err = w.Write(data)
	must(t, err)
	must(t, w.Close())
	return buf.Bytes()
}

// zframe returns a zstd frame made from its descriptor, the rest of its header,
// and its blocks.
func zframe(flags byte, header []byte, blocks ...[]byte) []byte {
	frame := append([]byte{0x28, 0xb5, 0x2f, 0xfd, flags}, header...)
	return append(frame, slices.Concat(blocks...)...)
}

func zblock(last bool, kind, size int, body ...byte) []byte {
	h := size<<3 | kind<<1
	if last {
		h |= 1
	}
	return append([]byte{byte(h), byte(h >> 8), byte(h >> 16)}, body...)
}

func zskip(body string) []byte {
	return append([]byte{0x5a, 0x2a, 0x4d, 0x18, byte(len(body)), 0, 0, 0}, body...)
}

// unpackAll passes data through an Unpacker, with its true size.
func unpackAll(t testing.TB, data []byte, limits Limits) Result {
	t.Helper()
	return unpackFrom(t, bytes.NewReader(data), len(data), limits)
}

func unpackFrom(t testing.TB, r io.Reader, size int, limits Limits) Result {
	t.Helper()
	u := NewUnpacker(int64(size), limits)
	n, err := io.Copy(u, r)
	if err != nil || n != int64(size) {
		t.Fatalf("Write took %d of %d bytes, error %v; want all of them and none", n, size, err)
	}
	closed := u.Close()
	if r := u.Result(); !errors.Is(closed, r.Err) {
		t.Fatalf("Close returned %v, the result has %v", closed, r.Err)
	}
	return u.Result()
}

// oneByOne reads data in single bytes, to find out what depends on how a layer is
// cut into writes.
func oneByOne(data []byte) io.Reader { return iotest.OneByteReader(bytes.NewReader(data)) }

func diffID(data []byte) string {
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
