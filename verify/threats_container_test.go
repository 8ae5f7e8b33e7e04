package verify_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/gapseal/gapseal/internal/fixture"
)

// TestTarThreats changes the container of a verified bundle, not its content.
func TestTarThreats(t *testing.T) {
	deviate(t, "container", []deviation{
		{name: "bytes after the end-of-archive blocks", raw: appending("x"), want: "container.end"},
		{name: "a third zero block", raw: appending(strings.Repeat("\x00", 512)), want: "container.end"},
		{name: "zeros up to a record of 10240 bytes, as GNU tar pads", raw: appending(strings.Repeat("\x00", 9*1024)), want: "container.end"},
		{name: "no end-of-archive blocks", raw: cutting(1024), want: "container.end"},
		{name: "one end-of-archive block", raw: cutting(512), want: "container.end"},
		{name: "half an end-of-archive block", raw: cutting(768), want: "container.truncated"},
		{name: "non-zero bytes in padding of metadata", raw: poke(0, 512+511, 1), want: "container.padding"},
		{name: "non-zero bytes in padding of a layer", raw: poke(-1, -1, 1), want: "container.padding"},
		{name: "second archive concatenated", raw: func(b []byte) []byte { return append(b, b...) }, want: "container.end"},
		{name: "same name twice, first good then evil", files: twice(true, false), want: "container.duplicate blob.digest"},
		{name: "same name twice, first evil then good", files: twice(true, true), want: "container.duplicate blob.digest"},
		{name: "same name twice, both good", files: twice(false, false), want: "container.duplicate"},
		{name: "index.json twice, the second evil", files: adding(fixture.File{Name: "index.json", Data: []byte("{}")}), want: "container.duplicate"},
		{name: "setuid mode", raw: field(5, 100, "0004755\x00"), want: "container.header"},
		{name: "future mtime", raw: field(5, 136, "77777777777\x00"), want: "container.header"},
		{name: "junk after NUL in name field", raw: field(0, 50, "hidden"), want: "container.header"},
		{name: "non-zero uid", raw: field(0, 108, "0001750\x00"), want: "container.header"},
		{name: "non-zero uname", raw: field(0, 265, "root"), want: "container.header"},
		{name: "non-zero gname", raw: field(-1, 297, "root"), want: "container.header"},
		{name: "non-zero devmajor", raw: field(0, 329, "0000001"), want: "container.header"},
		{name: "non-zero prefix", raw: field(0, 345, "etc"), want: "container.header"},
		{name: "non-zero reserved bytes", raw: field(-1, 500, "hidden"), want: "container.header"},
		{name: "linkname on a regular file", raw: field(0, 157, "/etc/passwd"), want: "container.header"},
		{name: "GNU magic", raw: field(0, 257, "ustar  \x00"), want: "container.header"},
		{name: "typeflag NUL, the old regular file", raw: field(0, 156, "\x00"), want: "container.type layout.marker"},
		{name: "checksum wrong", raw: poke(0, 148, '7'), want: "container.header"},
		{name: "checksum signed or padded otherwise", raw: poke(0, 155, 0), want: "container.header"},
		{name: "base-256 size where octal would do", raw: func(b []byte) []byte { return base256(b, -1) }, want: "container.header"},
		{name: "octal size with blanks", raw: field(5, 135, " "), want: "container.header"},
		{name: "negative size", raw: field(-1, 124, strings.Repeat("\xff", 12)), want: "container.header"},
		{name: "overflowing size", raw: field(-1, 124, "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), want: "container.header"},
		{name: "size of no digits, in metadata", raw: field(5, 124, "-0000000001\x00"), want: "container.header"},
		{name: "tarball wrapped in gzip", raw: gzipped, want: "container.wrapper", detail: "gzip -dc"},
		{name: "tarball wrapped in zstd", raw: zstandard, want: "container.wrapper", detail: "zstd -dc"},
		{name: "tarball wrapped in bzip2", raw: prefixed("BZh91AY&SY"), want: "container.wrapper", detail: "bzip2 -dc"},
		{name: "tarball wrapped in xz", raw: prefixed("\xfd7zXZ\x00"), want: "container.wrapper", detail: "xz -dc"},
		{name: "an empty file", raw: func([]byte) []byte { return nil }, want: "container.truncated"},
		{name: "cut inside a header", raw: func(b []byte) []byte { return b[:100] }, want: "container.truncated"},
		{name: "cut inside index.json", raw: func(b []byte) []byte { return b[:1024+512+100] }, want: "container.truncated"},
		{name: "cut inside the last layer", raw: cutting(1024 + 512), want: "container.truncated"},
		{name: "cut inside the padding of the last layer", raw: cutting(1024 + 10), want: "container.truncated"},
	})
}

// TestTarEntryThreats adds one entry to a verified bundle: in front, behind the
// metadata, and at the end.
func TestTarEntryThreats(t *testing.T) {
	const huge = "30 GNU.sparse.name=index.json\n27 GNU.sparse.realsize=9999\n"
	for _, e := range []struct {
		name, entryName, link, body, want string
		typ                               byte
	}{
		{name: "../ name", entryName: "../x", typ: '0', want: "container.name"},
		{name: "absolute name", entryName: "/etc/passwd", typ: '0', want: "container.name"},
		{name: "name through ..", entryName: "blobs/sha256/../../index.json", typ: '0', want: "container.name"},
		{name: "./ name, as tar -c . writes", entryName: "./index.json", typ: '0', want: "container.name"},
		{name: "name with backslashes", entryName: `..\index.json`, typ: '0', want: "container.name"},
		{name: "no name", entryName: "", typ: '0', want: "container.name"},
		{name: "docker's manifest.json", entryName: "manifest.json", typ: '0', body: "[]", want: "container.name"},
		{name: "right-to-left name", entryName: "\u202enosj.xedni", typ: '0', want: "container.name"},
		{name: "invalid UTF-8 name", entryName: "index\xff.json", typ: '0', want: "container.name"},
		{name: "NFC name", entryName: "ind\u00e9x.json", typ: '0', want: "container.name"},
		{name: "NFD name", entryName: "inde\u0301x.json", typ: '0', want: "container.name"},
		{name: "directory", entryName: "blobs/", typ: '5', want: "container.type"},
		{name: "hard link", entryName: "x", link: "index.json", typ: '1', want: "container.type"},
		{name: "symlink", entryName: "index.json", link: "/etc/passwd", typ: '2', want: "container.type"},
		{name: "symlink blobs -> /etc", entryName: "blobs", link: "/etc", typ: '2', want: "container.type"},
		{name: "character device", entryName: "null", typ: '3', want: "container.type"},
		{name: "block device", entryName: "sda", typ: '4', want: "container.type"},
		{name: "fifo", entryName: "fifo", typ: '6', want: "container.type"},
		{name: "contiguous file", entryName: "x", typ: '7', want: "container.type"},
		{name: "GNU sparse, old type", entryName: "x", typ: 'S', want: "container.type"},
		{name: "GNU sparse by PAX, with another name", entryName: "PaxHeaders/x", typ: 'x', body: huge, want: "container.type"},
		{name: "PAX global header with path and comment", entryName: "pax_global_header", typ: 'g', body: "19 comment=covert!\n16 path=evil.so\n", want: "container.type"},
		{name: "PAX vendor record as covert channel", entryName: "PaxHeaders/x", typ: 'x', body: "22 GAPSEAL.covert=abc\n", want: "container.type"},
		{name: "GNU long name", entryName: "././@LongLink", typ: 'L', body: "index.json\x00", want: "container.type"},
	} {
		entry := fixture.Entry(e.entryName, e.typ, e.link, e.body)
		var cases []deviation
		for where, at := range map[string]int{"first": 0, "before the layers": -2, "last": endOfArchive} {
			cases = append(cases, deviation{name: e.name + ", " + where, raw: inserting(at, entry), want: e.want})
		}
		deviate(t, "container", cases)
	}
}

func appending(s string) func([]byte) []byte {
	return func(b []byte) []byte { return append(b, s...) }
}

func prefixed(s string) func([]byte) []byte {
	return func(b []byte) []byte { return append([]byte(s), b...) }
}

func cutting(n int) func([]byte) []byte {
	return func(b []byte) []byte { return b[:len(b)-n] }
}

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	w.Write(b)
	w.Close()
	return out.Bytes()
}

func zstandard(b []byte) []byte {
	e, _ := zstd.NewWriter(nil)
	return e.EncodeAll(b, nil)
}

// twice stores the last blob a second time, right behind or before the first.
func twice(evil, evilFirst bool) func([]fixture.File) []fixture.File {
	return func(files []fixture.File) []fixture.File {
		last := len(files) - 1
		again := files[last]
		if evil {
			again.Data = bytes.Repeat([]byte("!"), len(again.Data))
		}
		files = append(files, again)
		if evilFirst {
			files[last], files[last+1] = files[last+1], files[last]
		}
		return files
	}
}

func adding(f fixture.File) func([]fixture.File) []fixture.File {
	return func(files []fixture.File) []fixture.File { return append(files, f) }
}

// TestKnownFailures repeats attacks that succeeded against other programs.
func TestKnownFailures(t *testing.T) {
	path := "sha256:" + strings.Repeat("../", 21) + "a"
	flood := strings.Repeat("20 GNU.sparse.x=abcd\n", 1<<16)
	deviate(t, "container", []deviation{
		{name: "CVE-2021-21272: extraction through a symlink", raw: inserting(0, fixture.Entry("blobs/sha256", '2', "/etc", "")), want: "container.type"},
		{name: "CVE-2026-50162: extraction through a hard link", raw: inserting(0, fixture.Entry("index.json", '1', "/etc/passwd", "")), want: "container.type"},
		{name: "CVE-2026-50163: extraction through ..", raw: inserting(0, fixture.Entry("blobs/../../x", '0', "", "")), want: "container.name"},
		{name: "CVE-2022-2879: PAX header of unbounded size", raw: inserting(0, fixture.Entry("x", 'x', "", strings.Repeat("a", 5<<20))), want: "container.type"},
		{name: "CVE-2025-58183: sparse map of unbounded size", raw: inserting(0, fixture.Entry("x", 'x', "", flood)), want: "container.type"},
	})
	deviate(t, "manifest", []deviation{
		{name: "CVE-2024-3727: an unvalidated digest became a path", forge: root(func(s string) string {
			return strings.Replace(s, digests.FindString(s), path, 1)
		}), want: "manifest.digest"},
		{name: "GHSA-5j5w-g665-5m35, GHSA-xmmx-7jpf-fx42: both a manifest and an index", base: multiBundle, forge: root(func(s string) string {
			return strings.TrimSuffix(s, "}") + `,"config":{},"layers":[]}`
		}), want: "manifest.media-type"},
	})
	deviate(t, "blob", []deviation{
		{name: "CVE-2023-33959: a manifest that is not the one of its digest", after: func(f *fixture.Forge) {
			keep(f)
			raw := f.Blobs[rootOf(f)]
			f.Blobs[rootOf(f)] = bytes.Replace(raw, []byte(`"schemaVersion":2`), []byte(`"schemaVersion":3`), 1)
		}, want: "blob.digest"},
	})
}
