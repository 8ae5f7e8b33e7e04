package bundle

import (
	"archive/tar"
	"bytes"
	"strings"
	"testing"
)

const gib = 1 << 30

// sizes are around the borders between the forms in which a header gives a size.
var sizes = []int64{0, 1, 511, 512, 513, 1 << 20, 8*gib - 513, 8*gib - 1, 8 * gib, 8*gib + 1, 1 << 40, 16 << 40,
	1 << 55}

func TestHeaderIsWhatArchiveTarWrites(t *testing.T) {
	name := blobPrefix + strings.Repeat("a", 64)
	for _, size := range sizes {
		if size >= maxOctal {
			continue
		}
		var want bytes.Buffer
		w := tar.NewWriter(&want)
		h := &tar.Header{Format: tar.FormatUSTAR, Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if got := header(name, size); !bytes.Equal(got[:], want.Bytes()) {
			t.Errorf("size %d: header differs from that of archive/tar:\n%q\n%q", size, got, want.Bytes())
		}
	}
}

// TestHeaderIsReadByArchiveTar includes sizes from 8 GiB on, for which archive/tar
// would write a PAX or GNU header. It reads ours.
func TestHeaderIsReadByArchiveTar(t *testing.T) {
	for _, size := range sizes {
		b := header(nameIndex, size)
		got, err := tar.NewReader(bytes.NewReader(b[:])).Next()
		if err != nil || got.Size != size || got.Name != nameIndex || got.Mode != 0o644 || got.Typeflag != tar.TypeReg {
			t.Errorf("size %d: archive/tar reads %+v, %v", size, got, err)
		}
		if binary := b[124] == 0x80; binary != (size >= 8*gib) {
			t.Errorf("size %d: base-256 %v", size, binary)
		}
	}
}

func TestParseSize(t *testing.T) {
	for _, size := range sizes {
		var b [12]byte
		putSize(b[:], size)
		if got, ok := parseSize(b[:]); got != size || !ok {
			t.Errorf("parseSize(%q) = %d, %v; want %d", b, got, ok, size)
		}
	}
	for _, bad := range []string{
		strings.Repeat("\xff", 12), "\x80\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
		"\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"            ", "00000000008\x00", "-0000000001\x00", "+0000000001\x00", "0_000000001\x00", "0x000000001\x00",
		"0000000001 \x00", strings.Repeat("\x00", 12),
	} {
		if got, ok := parseSize([]byte(bad)); ok {
			t.Errorf("parseSize(%q) = %d, want none", bad, got)
		}
	}
}

func TestPaddingFillsTheBlock(t *testing.T) {
	for size, want := range map[int64]int64{0: 0, 1: 511, 511: 1, 512: 0, 513: 511, 8*gib - 1: 1, 8 * gib: 0} {
		if got := padding(size); got != want {
			t.Errorf("padding(%d) = %d, want %d", size, got, want)
		}
		if got := footprint(size); got%blockSize != 0 || got != blockSize+size+want {
			t.Errorf("footprint(%d) = %d", size, got)
		}
	}
}

// TestHugeEntryIsReadBack reads the header of an entry of more than 8 GiB, without
// writing that much.
func TestHugeEntryIsReadBack(t *testing.T) {
	for _, size := range []int64{8*gib - 1, 8 * gib} {
		r := &Reader{Contents: Contents{Limits: testLimits}, seq: newSequence(&faultList{})}
		b := header(blobPrefix+strings.Repeat("a", 64), size)
		e := r.parseHeader(&b, 0)
		if e == nil || e.size != size || len(r.Faults()) > 0 {
			t.Errorf("size %d: read as %+v with faults %v", size, e, r.Faults())
		}
	}
}
