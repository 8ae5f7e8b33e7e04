package bundle

import (
	"fmt"
	"strconv"
)

// The container is POSIX ustar with every free choice fixed: one header block
// for each regular file, mode 0644, owner and group 0 without names, time 0.
const (
	blockSize = 512
	maxOctal  = 1 << 33 // sizes from 8 GiB on do not fit eleven octal digits
	magic     = "ustar\x0000"
)

// A field is a range of a header block under the name that POSIX gives it.
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

// header returns the only valid header block for a file of that name and size.
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

// putSize writes eleven octal digits and a NUL, or from 8 GiB on the size as a
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

// parseSize reads a size in octal or base-256; ok is false where there is no
// telling how far the entry reaches. Whether the size is written as putSize
// writes it is for the comparison of the whole header.
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

// checksum sums a header with its checksum field taken as blanks.
func checksum(b *[blockSize]byte) (sum int) {
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		sum += int(c)
	}
	return sum
}

// padding returns how many zero bytes follow a body of that size.
func padding(size int64) int64 { return -size & (blockSize - 1) }

// footprint returns how many bytes an entry takes: header, body and padding.
func footprint(size int64) int64 { return blockSize + size + padding(size) }
