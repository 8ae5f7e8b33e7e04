package layer

import (
	"bytes"
	"testing"
)

// The rates of these benchmarks count unpacked bytes.

func BenchmarkUnpackGzip(b *testing.B) {
	content := tarball(b, 64, 256<<10)
	benchmark(b, gz(b, content), len(content))
}

func BenchmarkUnpackZstd(b *testing.B) {
	content := tarball(b, 64, 256<<10)
	benchmark(b, zst(b, content), len(content))
}

func BenchmarkUnpackTar(b *testing.B) {
	content := tarball(b, 64, 256<<10)
	benchmark(b, content, len(content))
}

// Ten thousand members that unpack to nothing, which are the most expensive bytes.
func BenchmarkUnpackEmptyMembers(b *testing.B) {
	packed := append(gz(b, tarball(b, 1, 10)), bytes.Repeat(gz(b, nil), 10_000)...)
	benchmark(b, packed, len(packed))
}

func benchmark(b *testing.B, packed []byte, size int) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		if r := unpackAll(b, packed, Limits{}); r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}
