package bundle

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
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
	if r.entries++; r.entries > r.Limits.Entries {
		r.stop(check.LimitEntries, "entries in the file", r.Limits.Entries)
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

// The first entries stand in a fixed order; everything after them follows from
// the inventory.
const (
	atInventoryManifest = 2 // behind oci-layout and index.json
	atInventoryConfig   = 3
	atInventoryBlob     = 4
	atBlobs             = 5

	// InventoryBlobs and SealBlobs are how many blobs of the bundle's own there
	// are beside those that the inventory lists.
	InventoryBlobs = atBlobs - atInventoryManifest
	SealBlobs      = atSealEnvelope - atSealManifest + 1

	atSealManifest = 5 // only if index.json lists a seal, and the blobs behind it
	atSealEnvelope = 6
)

// sequence checks that entries come in the one order the format allows. For the
// blobs of the inventory that is: metadata by digest, then content by digest.
type sequence struct {
	faults  *faultList
	place   int
	head    [atBlobs]oci.Digest // the blobs that stand first
	names   map[string]bool
	roles   map[oci.Digest]bool // digest to whether it is metadata; nil until the inventory is read
	last    oci.Digest
	content bool       // content has begun
	told    bool       // one complaint about order is enough
	seal    oci.Digest // of the seal's manifest; empty if there is none, or it is not in its place
}

func newSequence(faults *faultList) *sequence {
	return &sequence{faults: faults, names: map[string]bool{}}
}

// visit judges the place of e, the next entry.
func (s *sequence) visit(e *entry, inv *Inventory) {
	if s.names[e.name] {
		s.faults.add(&check.Fault{ID: check.ContainerDuplicate, Subject: e.name, Detail: "the name stands in the file more than once"})
		return
	}
	s.names[e.name] = true
	if e.refused {
		return // takes nobody's place
	}
	for s.place < len(fixed) && e.name != fixed[s.place].name {
		s.absent(e.name)
	}
	place := s.place
	s.place++
	switch {
	case place < len(fixed):
	case e.digest == "":
		s.place-- // it belongs further up
		s.disorder(e, "oci-layout first, then index.json")
	case place < atBlobs:
		s.head[place] = e.digest
	case s.seal != "" && place <= atSealEnvelope:
		s.sealPart(place, e, inv)
	default:
		s.blob(e, inv)
	}
}

// artifact checks that the inventory's own manifest and config come before it,
// and nothing in their place.
func (s *sequence) artifact(manifest oci.Digest) {
	first, second := s.head[atInventoryManifest], s.head[atInventoryConfig]
	switch {
	case first == manifest && second == oci.EmptyDigest:
	case first == oci.EmptyDigest && second == manifest:
		s.disorder(&entry{name: blobPrefix + first.Hex(), offset: blockSize}, "the inventory's manifest, then its config")
	case first != manifest:
		s.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(first), Detail: "the inventory's manifest is not the one the format dictates", Expected: string(manifest), Found: string(first)})
	default:
		s.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(second), Detail: "the inventory's config is not the empty config", Expected: string(oci.EmptyDigest), Found: string(second)})
	}
}

// fixed are the files that come first, and the check that misses them.
var fixed = []struct {
	name string
	id   check.ID
}{{nameMarker, check.LayoutMarker}, {nameIndex, check.LayoutIndex}}

// absent reports the next fixed file as missing and goes on behind it.
func (s *sequence) absent(found string) {
	f := fixed[s.place]
	s.faults.add(&check.Fault{ID: f.id, Subject: f.name, Detail: "is not where it belongs", Expected: f.name, Found: fmt.Sprintf("%q", found)})
	s.place++
}

func (s *sequence) blob(e *entry, inv *Inventory) {
	if inv == nil {
		return
	}
	meta, listed := s.listed(e, inv)
	if !listed {
		s.faults.add(&check.Fault{ID: check.LayoutUnlisted, Subject: string(e.digest), Detail: fmt.Sprintf("a blob of %d bytes that the inventory does not list", e.size)})
		return
	}
	if !meta && !s.content {
		s.content, s.last = true, ""
	}
	if meta == s.content || e.digest <= s.last {
		s.disorder(e, "metadata by digest, then content by digest")
		return
	}
	s.last = e.digest
}

// listed tells whether the inventory lists a blob, and if so whether that is
// metadata.
func (s *sequence) listed(e *entry, inv *Inventory) (meta, listed bool) {
	if s.roles == nil {
		s.roles = make(map[oci.Digest]bool, len(inv.Blobs))
		for _, b := range inv.Blobs {
			s.roles[b.Digest] = b.Metadata()
		}
	}
	meta, listed = s.roles[e.digest]
	return meta, listed
}

func (s *sequence) disorder(e *entry, want string) {
	if !s.told {
		s.told = true
		s.faults.add(&check.Fault{ID: check.ContainerOrder, Subject: e.name, Detail: fmt.Sprintf("entry at offset %d is out of order", e.offset-blockSize), Expected: want, Found: fmt.Sprintf("%q", e.name)})
	}
}

// cutOff reports a file that ends too early: how large it is, and how large it
// should be, where that is known. next is where the next entry would begin. What
// is known of the medium already is not told again.
func (r *Reader) cutOff(id check.ID, subject, detail string, next int64) {
	r.ended = true
	if r.medium.Cut {
		r.lost = true
		return
	}
	size, expected := r.in.pos, "more"
	if r.in.file != nil {
		size = r.in.size
	}
	if n, ok := r.expected(next); ok && n > size {
		expected = fmt.Sprintf("a file of %d bytes", n)
	}
	r.faults.add(&check.Fault{ID: id, Subject: subject, Detail: detail, Expected: expected, Found: fmt.Sprintf("%d bytes", size)})
}

// expected returns how large the file should be by its inventory: everything
// before next, the blobs that have not come, and the two blocks at the end. It is
// not known while own parts of the bundle are missing.
func (r *Reader) expected(next int64) (size int64, ok bool) {
	if next < 0 || r.Inventory == nil || r.Sealed && r.Seal == nil {
		return 0, false
	}
	size = next + 2*blockSize
	for _, b := range r.Inventory.Blobs {
		if r.read[b.Digest] {
			continue
		}
		n := footprint(b.Size)
		if size += n; n < 0 || size < 0 {
			return 0, false // a hostile size
		}
	}
	return size, true
}
