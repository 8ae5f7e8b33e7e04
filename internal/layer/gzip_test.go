package layer

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

func TestGzipFindings(t *testing.T) {
	content := tarball(t, 2, 3000)
	half := len(content) / 2
	named := gzHeader(t, content, gzip.Header{Name: "layer\x1b[2J.tar"})
	for _, c := range []struct {
		name   string
		packed []byte
		want   []string
	}{
		{"two members", slices.Concat(gz(t, content[:half]), gz(t, content[half:])),
			[]string{"gzip: 2 members where one is usual"}},
		{"empty member after", slices.Concat(gz(t, content), gz(t, nil)),
			[]string{"gzip: 2 members where one is usual", "gzip: 1 of 2 members unpack to nothing"}},
		{"empty members before", slices.Concat(gz(t, nil), gz(t, nil), gz(t, content)),
			[]string{"gzip: 3 members where one is usual", "gzip: 2 of 3 members unpack to nothing"}},
		{"name", named,
			[]string{`gzip: member 1 has text in its header (name, 13 bytes): "layer\x1b[2J.tar"`}},
		{"comment", gzHeader(t, content, gzip.Header{Comment: "caf\u00e9"}),
			[]string{`gzip: member 1 has text in its header (comment, 5 bytes): "caf\u00e9"`}},
		{"extra field", gzHeader(t, content, gzip.Header{Extra: []byte("SG\x00\x00")}),
			[]string{`gzip: member 1 has text in its header (extra field, 4 bytes): "SG\x00\x00"`}},
		{"text in an empty member", slices.Concat(gz(t, content), gzHeader(t, nil,
			gzip.Header{Extra: []byte(strings.Repeat("A", 60000))})),
			[]string{"gzip: member 2 has text in its header (extra field, 60000 bytes): \"" + strings.Repeat("A",
				80) + `"...`,
				"gzip: 2 members where one is usual", "gzip: 1 of 2 members unpack to nothing"}},
		{"zero padding", append(gz(t, content), make([]byte, 1000)...),
			[]string{"gzip: 1000 zero bytes follow the last member"}},
	} {
		r := unpackAll(t, c.packed, Limits{})
		if r.Err != nil || r.DiffID != diffID(content) {
			t.Errorf("%s: got %+v, want the diff ID and no error", c.name, r)
		}
		if !slices.Equal(r.Findings, c.want) {
			t.Errorf("%s: findings %q, want %q", c.name, r.Findings, c.want)
		}
	}
}

func TestGzipFindingsAreBounded(t *testing.T) {
	packed := gz(t, tarball(t, 1, 10))
	member := gzHeader(t, nil, gzip.Header{Name: "n", Comment: "c", Extra: []byte("e")})
	packed = append(packed, bytes.Repeat(member, 5000)...)
	r := unpackAll(t, packed, Limits{})
	if r.Err != nil || len(r.Findings) != 3*maxTexts+3 {
		t.Errorf("%d findings, error %v: %q", len(r.Findings), r.Err, r.Findings)
	}
	if last := r.Findings[len(r.Findings)-1]; last != "gzip: 4996 more members have text in their headers" {
		t.Errorf("last finding %q", last)
	}
}

func TestGzipErrors(t *testing.T) {
	content := tarball(t, 2, 3000)
	packed := gz(t, content)
	flip := func(at int) []byte {
		b := slices.Clone(packed)
		b[at] ^= 1
		return b
	}
	for _, c := range []struct {
		name   string
		packed []byte
		want   error
		cause  error
	}{
		{"checksum", flip(len(packed) - 8), ErrDamaged, gzip.ErrChecksum},
		{"length", flip(len(packed) - 1), ErrDamaged, gzip.ErrChecksum},
		{"cut in the data", packed[:len(packed)/2], ErrDamaged, io.ErrUnexpectedEOF},
		{"cut in the trailer", packed[:len(packed)-3], ErrDamaged, io.ErrUnexpectedEOF},
		{"cut in the header", packed[:7], ErrDamaged, io.ErrUnexpectedEOF},
		{"reserved flag", func() []byte { b := slices.Clone(packed); b[3] |= 0x80; return b }(), ErrDamaged,
			gzip.ErrHeader},
		{"second member cut", slices.Concat(packed, packed[:40]), ErrDamaged, io.ErrUnexpectedEOF},
		{"garbage", slices.Concat(packed, []byte("covert")), ErrTrailing, nil},
		{"one byte", slices.Concat(packed, []byte{1}), ErrTrailing, nil},
		{"half a magic", slices.Concat(packed, []byte{0x1f, 0x8b}), ErrTrailing, nil},
		{"zeros, then garbage", slices.Concat(packed, make([]byte, 100_000), []byte{1}), ErrTrailing, nil},
		{"zeros, then a member", slices.Concat(packed, make([]byte, 512), packed), ErrTrailing, nil},
		{"zstd after", slices.Concat(packed, zst(t, content)), ErrTrailing, nil},
	} {
		r := unpackAll(t, c.packed, Limits{})
		if !errors.Is(r.Err, c.want) || (c.cause != nil && !errors.Is(r.Err, c.cause)) || r.DiffID != "" {
			t.Errorf("%s: got %+v, want %v because of %v", c.name, r, c.want, c.cause)
		}
	}
}

func TestContentFindings(t *testing.T) {
	content := tarball(t, 1, 100)
	for _, c := range []struct {
		name   string
		packed []byte
		want   string
	}{
		{"nothing in gzip", gz(t, nil), "gzip: unpacks to nothing"},
		{"nothing in zstd", zframe(0, []byte{0}, zblock(true, 0, 0)), "zstd: unpacks to nothing"},
		{"gzip in gzip", gz(t, gz(t, content)), "gzip: unpacks to a format that is not tar: gzip"},
		{"text in zstd", zst(t, []byte("text")), "zstd: unpacks to a format that is not tar: other"},
	} {
		r := unpackAll(t, c.packed, Limits{})
		if r.Err != nil || !slices.Equal(r.Findings, []string{c.want}) {
			t.Errorf("%s: got %+v, want the finding %q", c.name, r, c.want)
		}
	}
}
