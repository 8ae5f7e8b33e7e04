package bundle

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

var zeroBlock [blockSize]byte

// wrappers are the compressions people put around a tar, by magic bytes, with
// the command that takes them off.
var wrappers = []struct{ magic, name, command string }{
	{"\x1f\x8b", "gzip", "gzip -dc FILE > bundle.tar"},
	{"\x28\xb5\x2f\xfd", "zstd", "zstd -dc FILE > bundle.tar"},
	{"BZh", "bzip2", "bzip2 -dc FILE > bundle.tar"},
	{"\xfd7zXZ\x00", "xz", "xz -dc FILE > bundle.tar"},
}

// next reads the next header. It returns nil at the end of the archive, or
// where nothing after it can be read.
func (r *Reader) next() (*entry, error) {
	var b [blockSize]byte
	at := r.in.pos
	n, truncated, err := r.in.full(b[:])
	if err != nil {
		return nil, err
	}
	if at == 0 && (r.wrapped(b[:n]) || r.noTar(b[:n])) {
		r.ended, r.lost = true, true
		return nil, nil
	}
	if truncated {
		r.noEnd(at, n)
		return nil, nil
	}
	if b == zeroBlock {
		return nil, r.end(at)
	}
	if r.entries++; r.entries > r.lim.Entries {
		r.stop(check.LimitEntries, "entries in the file", r.lim.Entries)
		return nil, nil
	}
	return r.parseHeader(&b, at), nil
}

func (r *Reader) stop(id check.ID, what string, max int64) {
	r.ended, r.lost = true, true
	r.faults.add(&check.Fault{ID: id, Detail: what, Expected: fmt.Sprintf("at most %d", max), Found: "more"})
}

func (r *Reader) wrapped(b []byte) bool {
	for _, w := range wrappers {
		if bytes.HasPrefix(b, []byte(w.magic)) {
			r.faults.add(&check.Fault{ID: check.ContainerWrapper, Detail: "the file is compressed; unwrap it first: " + w.command, Expected: "a plain tar", Found: w.name})
			return true
		}
	}
	return false
}

// looks tells by its first bytes what a file is that is no tar at all.
var looks = []struct{ magic, name string }{
	{"PK\x03\x04", "a zip archive"}, {"-----BEGIN ", "a PEM file, such as a key"}, {"{", "a JSON document"}, {"[", "a JSON document"},
	{"schema:", "a policy or a transfer record"}, {"\x7fELF", "a program"}, {"%PDF", "a PDF document"},
}

// noTar tells who named the wrong file so: nothing is the matter with the medium.
// One that begins as a bundle does is taken for one, however damaged.
func (r *Reader) noTar(b []byte) bool {
	const magicAt, magic = 257, "ustar"
	if r.medium.Cut {
		return false // a volume is missing, which is told
	}
	if len(b) == 0 {
		r.faults.add(&check.Fault{ID: check.ContainerTruncated, Detail: "there is nothing in the file: not one byte came", Expected: "a bundle", Found: "0 bytes"})
		return true
	}
	if bytes.HasPrefix(b, []byte(nameMarker)) || len(b) == blockSize && (bytes.HasPrefix(b[magicAt:], []byte(magic)) || bytes.Equal(b, zeroBlock[:])) {
		return false
	}
	found := "something else"
	for _, l := range looks {
		if bytes.HasPrefix(b, []byte(l.magic)) {
			found = l.name
			break
		}
	}
	r.faults.add(&check.Fault{ID: check.ContainerWrapper, Detail: "this is no bundle, for it does not begin as one; look whether it is the file you meant", Expected: "a plain tar that gapseal export wrote", Found: found})
	return true
}

// noEnd reports a file that ends where a header should begin.
func (r *Reader) noEnd(at int64, n int) {
	if n > 0 || at == 0 {
		r.cutOff(check.ContainerTruncated, "", fmt.Sprintf("the file ends inside the block at offset %d", at), at)
		return
	}
	r.cutOff(check.ContainerEnd, "", fmt.Sprintf("the file ends at offset %d without end-of-archive blocks; it was cut off or its writer failed", at), at)
}

// end reads the second zero block and makes sure that nothing follows.
func (r *Reader) end(at int64) error {
	r.ended = true
	var b [blockSize]byte
	_, truncated, err := r.in.full(b[:])
	if err != nil {
		return err
	}
	if truncated {
		r.cutOff(check.ContainerEnd, "", fmt.Sprintf("the zero block at offset %d is not followed by a second one", at), at)
		return nil
	}
	if b != zeroBlock {
		r.faults.add(&check.Fault{ID: check.ContainerEnd, Detail: fmt.Sprintf("the zero block at offset %d is not followed by a second one", at)})
		return nil
	}
	extra, truncated, err := r.in.full(b[:])
	if extra > 0 {
		more := ""
		if !truncated {
			more = " or more"
		}
		r.faults.add(&check.Fault{ID: check.ContainerEnd, Detail: fmt.Sprintf("%d bytes%s follow the end of the archive at offset %d", extra, more, at+2*blockSize), Expected: "0 bytes", Found: fmt.Sprintf("%d bytes%s", extra, more)})
	}
	return err
}

// parseHeader reads name and size, re-derives the header and compares. It
// returns nil if the entry cannot be passed over.
func (r *Reader) parseHeader(b *[blockSize]byte, at int64) *entry {
	raw, _, _ := bytes.Cut(b[0:100], []byte{0})
	e := &entry{name: string(raw), offset: at + blockSize}
	size, ok := parseSize(b[124:136])
	if !ok {
		r.faults.add(headerFault(check.ContainerHeader, at, "size", "eleven octal digits and a NUL, or base-256 from 8 GiB on", fmt.Sprintf("%q", b[124:136])))
		r.ended, r.lost = true, true
		return nil
	}
	e.size = size
	if r.total += footprint(size); r.total > r.lim.Total {
		r.stop(check.LimitTotal, "bytes in the bundle", r.lim.Total)
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

// compareHeader names the first field that is not what the format dictates; the
// type comes first, since it explains the others.
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
	return &check.Fault{ID: id, Detail: fmt.Sprintf("%s in the header at offset %d", what, at), Expected: want, Found: got}
}

// name judges an entry's name and derives the digest from it.
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
	r.faults.add(&check.Fault{ID: id, Subject: e.name, Detail: "the name is not one the format allows", Expected: "oci-layout, index.json or blobs/sha256/<64 lower-case hex digits>", Found: fmt.Sprintf("%q", e.name)})
}
