package bundle

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// The container is POSIX ustar. Every choice that ustar leaves open is fixed: one
// header block for each regular file, mode 0644, owner and group 0 without names,
// time 0.
const (
	blockSize = 512
	maxOctal  = 1 << 33 // sizes from 8 GiB on do not fit eleven octal digits
	magic     = "ustar\x0000"
)

// The names of the files in the container.
const (
	nameMarker = "oci-layout"
	nameIndex  = "index.json"
	blobPrefix = "blobs/sha256/"
)

// A field is a range of a header block, with the name that POSIX gives it.
type field struct {
	name     string
	off, end int
}

var fields = []field{
	{"name", 0, 100}, {"mode", 100, 108}, {"uid", 108, 116}, {"gid", 116, 124},
	{"size", 124, 136}, {"mtime", 136, 148}, {"checksum", 148, 156}, {"typeflag", 156, 157},
	{"linkname", 157, 257}, {"magic and version", 257, 265}, {"uname", 265, 297}, {"gname", 297, 329},
	{"devmajor", 329, 337}, {"devminor", 337, 345}, {"prefix", 345, 500}, {"reserved bytes", 500, 512},
}

// header returns the one valid header block for a file of that name and size.
func header(name string, size int64) [blockSize]byte {
	var b [blockSize]byte
	copy(b[0:100], name)
	copy(b[100:], "0000644\x00")
	copy(b[108:], "0000000\x00")
	copy(b[116:], "0000000\x00")
	putSize(b[124:136], size)
	copy(b[136:], "00000000000\x00")
	b[156] = '0'
	copy(b[257:], magic)
	copy(b[329:], "0000000\x00")
	copy(b[337:], "0000000\x00")
	copy(b[148:], fmt.Sprintf("%06o\x00 ", checksum(&b)))
	return b
}

// putSize writes a size as eleven octal digits and a NUL, or from 8 GiB on as a
// big-endian number with the top bit of the field set (base-256).
func putSize(b []byte, size int64) {
	if size < maxOctal {
		copy(b, fmt.Sprintf("%011o\x00", size))
		return
	}
	for i := len(b) - 1; i > 0; i-- {
		b[i] = byte(size)
		size >>= 8
	}
	b[0] = 0x80
}

// parseSize reads a size in octal or base-256; ok is false if it is neither. It
// accepts more than putSize writes, because parseHeader compares the whole header
// afterwards.
func parseSize(b []byte) (size int64, ok bool) {
	if b[0] == 0x80 {
		for _, c := range b[1:] {
			if size >= 1<<54 {
				return 0, false
			}
			size = size<<8 | int64(c)
		}
		return size, true
	}
	n, err := strconv.ParseUint(string(b[:11]), 8, 63)
	return int64(n), err == nil
}

// checksum returns the sum of the bytes of a header, with blanks for the checksum
// itself.
func checksum(b *[blockSize]byte) (sum int) {
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int(c)
	}
	return sum
}

// padding returns how many zero bytes follow a body of size bytes.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// footprint returns how many bytes an entry takes with its header and padding.
func footprint(size int64) int64 { return blockSize + size + padding(size) }

// end returns where the entry ends, padding included, and the next one begins.
func (e entry) end() int64 { return e.offset - blockSize + footprint(e.size) }

// parseHeader reads name and size from the header at an offset, and compares the
// header with the one that the format dictates for them. It returns nil if
// reading cannot go on after the entry.
func (r *Reader) parseHeader(b *[blockSize]byte, at int64) *entry {
	raw, _, _ := bytes.Cut(b[0:100], []byte{0})
	e := &entry{name: string(raw), offset: at + blockSize}
	size, ok := parseSize(b[124:136])
	if !ok {
		const want = "eleven octal digits and a NUL, or base-256 from 8 GiB on"
		r.faults.add(headerFault(check.ContainerHeader, at, "size", want, fmt.Sprintf("%q", b[124:136])))
		r.lose()
		return nil
	}
	e.size = size
	if r.total += footprint(size); r.total > r.Limits.Total {
		r.stop(check.LimitTotal, "bytes in the bundle", r.Limits.Total)
		return nil
	}
	if want := header(e.name, size); *b != want {
		r.faults.add(compareHeader(b, &want, at))
	}
	if b[156] == '0' {
		r.name(e)
	} else {
		e.refused = true
		e.name = fmt.Sprintf("entry of type %q at offset %d", b[156], at)
	}
	return e
}

// compareHeader reports the first field that differs. It looks at the type first,
// because another type explains the other differences.
func compareHeader(got, want *[blockSize]byte, at int64) *check.Fault {
	if got[156] != want[156] {
		return headerFault(check.ContainerType, at, "type", "'0' (a regular file)", fmt.Sprintf("%q", got[156]))
	}
	for _, f := range fields {
		g, w := got[f.off:f.end], want[f.off:f.end]
		if f.name != "checksum" && !bytes.Equal(g, w) {
			return headerFault(check.ContainerHeader, at, f.name, quoteField(w), quoteField(g))
		}
	}
	return headerFault(check.ContainerHeader, at, "checksum", quoteField(want[148:156]), quoteField(got[148:156]))
}

func quoteField(b []byte) string {
	return fmt.Sprintf("%q", strings.TrimRight(string(b), "\x00"))
}

func headerFault(id check.ID, at int64, what, want, got string) *check.Fault {
	return &check.Fault{ID: id, Detail: fmt.Sprintf("%s in the header at offset %d", what, at),
		Expected: want, Found: got}
}

// name derives the digest of an entry from its name, and reports a name that the
// format does not allow.
func (r *Reader) name(e *entry) {
	if e.name == nameMarker || e.name == nameIndex {
		return
	}
	if rest, ok := strings.CutPrefix(e.name, blobPrefix); ok {
		if d, err := oci.ParseDigest("sha256:" + rest); err == nil {
			e.digest = d
			return
		}
	}
	e.refused = true
	id := check.ContainerName
	if strings.HasPrefix(e.name, "blobs/") && !strings.Contains(e.name, "..") {
		id = check.LayoutName
	}
	r.faults.add(&check.Fault{ID: id, Subject: e.name, Detail: "the name is not one the format allows",
		Expected: "oci-layout, index.json or blobs/sha256/<64 lower-case hex digits>",
		Found:    fmt.Sprintf("%q", e.name)})
}
