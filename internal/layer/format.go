package layer

import (
	"bytes"
	"strconv"
	"strings"
)

// Format is how the bytes of a layer are packed.
type Format string

// The formats that image layers have. Other is every format that is none of
// the first three.
const (
	Tar   Format = "tar"
	Gzip  Format = "gzip"
	Zstd  Format = "zstd"
	Other Format = "other"
)

// HeadSize is how many of the first bytes of a layer [Sniff] examines: one tar
// block.
const HeadSize = 512

// Where a tar header has its fields (POSIX.1-1988 ustar; the checksum has
// been there since Version 7).
const (
	tarSum, tarSumEnd = 148, 156
	tarMagic          = 257
)

// Sniff recognizes the format of a layer by its first bytes. It needs
// [HeadSize] of them if the layer has as many. Magic numbers: RFC 1952 section
// 2.3.1 (with deflate, the only method defined), RFC 8878 sections 3.1.1 and
// 3.1.2, and "ustar". A tar header without magic is recognized by its checksum,
// and a tar without entries by its zero blocks.
func Sniff(head []byte) Format {
	switch {
	case isGzip(head):
		return Gzip
	case isZstd(head):
		return Zstd
	case isTar(head):
		return Tar
	}
	return Other
}

func isGzip(head []byte) bool { return bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}) }

func isZstd(head []byte) bool {
	return len(head) >= 4 && (isFrameMagic([4]byte(head)) || isSkippableMagic([4]byte(head)))
}

func isTar(head []byte) bool {
	if len(head) < HeadSize {
		return false
	}
	head = head[:HeadSize]
	return bytes.HasPrefix(head[tarMagic:], []byte("ustar")) || isZero(head) || tarSumHolds(head)
}

// tarSumHolds adds up the header, with its checksum field taken as spaces. Some
// old tars added signed bytes; their headers have no magic either.
func tarSumHolds(head []byte) bool {
	field := strings.Trim(string(head[tarSum:tarSumEnd]), " \x00")
	want, err := strconv.ParseInt(field, 8, 64)
	if err != nil {
		return false
	}
	var unsigned, signed int64
	for i, b := range head {
		if i >= tarSum && i < tarSumEnd {
			b = ' '
		}
		unsigned += int64(b)
		signed += int64(int8(b))
	}
	return want == unsigned || want == signed
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// formats has the layer media types of the OCI image specification (layer.md,
// with the deprecated non-distributable ones), those of Docker's image manifest
// version 2 schema 2, and the zstd type that containerd writes for the latter.
var formats = map[string]Format{
	"application/vnd.oci.image.layer.v1.tar":                       Tar,
	"application/vnd.oci.image.layer.v1.tar+gzip":                  Gzip,
	"application/vnd.oci.image.layer.v1.tar+zstd":                  Zstd,
	"application/vnd.oci.image.layer.nondistributable.v1.tar":      Tar,
	"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip": Gzip,
	"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd": Zstd,
	"application/vnd.docker.image.rootfs.diff.tar":                 Tar,
	"application/vnd.docker.image.rootfs.diff.tar.gzip":            Gzip,
	"application/vnd.docker.image.rootfs.diff.tar.zstd":            Zstd,
	"application/vnd.docker.image.rootfs.foreign.diff.tar":         Tar,
	"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":    Gzip,
}

// families are the prefixes that only image layers have.
var families = []string{
	"application/vnd.oci.image.layer.",
	"application/vnd.docker.image.rootfs.",
}

// FormatOf returns the format that a layer's media type promises. It returns
// false for types that are not image layers, such as those of artifacts. A type
// that belongs to image layers but is not known here (an encrypted layer, a
// spelling that differs in case) is ([Other], true), so that nothing which a
// runtime might unpack passes for an artifact.
func FormatOf(mediaType string) (Format, bool) {
	if f, ok := formats[mediaType]; ok {
		return f, true
	}
	lower := strings.ToLower(mediaType)
	for _, family := range families {
		if strings.HasPrefix(lower, family) {
			return Other, true
		}
	}
	return Other, false
}

// Peek keeps the first [HeadSize] bytes written to it and discards the rest, to
// examine the magic bytes without unpacking. The zero Peek is ready to use.
type Peek struct {
	head [HeadSize]byte
	n    int
}

// Write takes all of b and never fails.
func (p *Peek) Write(b []byte) (int, error) {
	p.n += copy(p.head[p.n:], b)
	return len(b), nil
}

// Head returns the bytes kept, fewer than [HeadSize] only when no more were
// written.
func (p *Peek) Head() []byte { return p.head[:p.n] }

// Format returns what [Sniff] says about the bytes kept.
func (p *Peek) Format() Format { return Sniff(p.Head()) }
