package bundle

import (
	"bytes"
	"fmt"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

var zeroBlock [blockSize]byte

// next reads the next header. It returns nil at the end of the archive, and if
// nothing more can be read.
func (r *Reader) next() (*entry, error) {
	var b [blockSize]byte
	at := r.in.pos
	n, truncated, err := r.in.full(b[:])
	if err != nil {
		return nil, err
	}
	if at == 0 && (r.wrapped(b[:n]) || r.noTar(b[:n])) {
		r.lose()
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

// wrappers are the compressions that a tar may be wrapped in, by their first
// bytes, each with the command that unwraps it.
var wrappers = []struct{ magic, name, command string }{
	{"\x1f\x8b", "gzip", "gzip -dc FILE > bundle.tar"},
	{"\x28\xb5\x2f\xfd", "zstd", "zstd -dc FILE > bundle.tar"},
	{"BZh", "bzip2", "bzip2 -dc FILE > bundle.tar"},
	{"\xfd7zXZ\x00", "xz", "xz -dc FILE > bundle.tar"},
}

// wrapped reports whether b begins a compressed file. If so, it adds the fault.
func (r *Reader) wrapped(b []byte) bool {
	for _, w := range wrappers {
		if bytes.HasPrefix(b, []byte(w.magic)) {
			r.faults.add(&check.Fault{ID: check.ContainerWrapper,
				Detail:   "the file is compressed; unwrap it first: " + w.command,
				Expected: "a plain tar", Found: w.name})
			return true
		}
	}
	return false
}

// otherFiles are kinds of files that are named in place of a bundle by mistake,
// by their first bytes.
var otherFiles = []struct{ magic, name string }{
	{"PK\x03\x04", "a zip archive"},
	{"-----BEGIN ", "a PEM file, such as a key"},
	{"{", "a JSON document"},
	{"[", "a JSON document"},
	{"schema:", "a policy or a transfer record"},
	{"\x7fELF", "a program"},
	{"%PDF", "a PDF document"},
}

// noTar reports whether b begins a file that is not a tar at all, and if so adds the
// fault: the user named the wrong file, and the medium is not to blame. A file that
// begins with the name of a bundle's first entry is taken for a damaged bundle.
func (r *Reader) noTar(b []byte) bool {
	const magicAt, magic = 257, "ustar"
	if r.medium.Cut {
		return false // the missing volume is reported
	}
	if len(b) == 0 {
		r.faults.add(&check.Fault{ID: check.ContainerTruncated, Detail: "the file is empty",
			Expected: "a bundle", Found: "0 bytes"})
		return true
	}
	isTar := len(b) == blockSize && (bytes.HasPrefix(b[magicAt:], []byte(magic)) || bytes.Equal(b, zeroBlock[:]))
	if isTar || bytes.HasPrefix(b, []byte(nameMarker)) {
		return false
	}
	found := "something else"
	for _, o := range otherFiles {
		if bytes.HasPrefix(b, []byte(o.magic)) {
			found = o.name
			break
		}
	}
	r.faults.add(&check.Fault{ID: check.ContainerWrapper,
		Detail:   "this is not a bundle; check that it is the file you meant",
		Expected: "a plain tar that gapseal export wrote", Found: found})
	return true
}

// noEnd reports a file that ends where a header should begin.
func (r *Reader) noEnd(at int64, n int) {
	if n > 0 || at == 0 {
		r.cutOff(check.ContainerTruncated, "", fmt.Sprintf("the file ends inside the block at offset %d", at), at)
		return
	}
	const how = "the file ends at offset %d without end-of-archive blocks; it was cut off or its writer failed"
	r.cutOff(check.ContainerEnd, "", fmt.Sprintf(how, at), at)
}

// end reads the second zero block and checks that nothing follows it.
func (r *Reader) end(at int64) error {
	r.ended = true
	var b [blockSize]byte
	_, truncated, err := r.in.full(b[:])
	if err != nil {
		return err
	}
	single := fmt.Sprintf("the zero block at offset %d is not followed by a second one", at)
	if truncated {
		r.cutOff(check.ContainerEnd, "", single, at)
		return nil
	}
	if b != zeroBlock {
		r.faults.add(&check.Fault{ID: check.ContainerEnd, Detail: single})
		return nil
	}
	extra, truncated, err := r.in.full(b[:])
	if extra > 0 {
		found := fmt.Sprintf("%d bytes", extra)
		if !truncated {
			found += " or more"
		}
		r.faults.add(&check.Fault{ID: check.ContainerEnd,
			Detail:   fmt.Sprintf("%s follow the end of the archive at offset %d", found, at+2*blockSize),
			Expected: "0 bytes", Found: found})
	}
	return err
}

// cutOff reports a file that ends too early: how large it is, and how large it
// should be, if that is known. next is where the next entry would begin. If the
// faults of the medium explain the missing end, it reports nothing.
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
	r.faults.add(&check.Fault{ID: id, Subject: subject, Detail: detail,
		Expected: expected, Found: fmt.Sprintf("%d bytes", size)})
}

// truncated reports a file that ends inside an entry, after got bytes of it.
func (r *Reader) truncated(e entry, got int64) {
	detail := fmt.Sprintf("the file ends inside this entry, after %d of its %d bytes", got, e.size)
	r.cutOff(check.ContainerTruncated, e.name, detail, e.end())
}

// expected returns how large the file should be according to the inventory:
// everything before next, the blobs that have not been read, and the two blocks at
// the end. ok is false if the file ends before the inventory is complete, or before
// the seal is.
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

// The places of the first entries are fixed; the order of the others follows from
// the inventory.
const (
	atInventoryManifest = 2 // after oci-layout and index.json
	atInventoryConfig   = 3
	atInventoryBlob     = 4
	atBlobs             = 5

	atSealManifest = 5 // only if index.json lists a seal; the blobs follow it
	atSealEnvelope = 6
)

// OwnBlobs returns how many blobs of the bundle the inventory does not list: the
// manifest of the inventory, its config, the inventory itself and, if there is a
// seal, the manifest and the envelope of the seal.
func (c *Contents) OwnBlobs() int {
	n := atBlobs - atInventoryManifest
	if c.Sealed {
		n += atSealEnvelope - atSealManifest + 1
	}
	return n
}

// sequence checks that entries come in the one order that the format allows. The
// blobs that the inventory lists come last: metadata by digest, then content by
// digest.
type sequence struct {
	faults     *faultList
	place      int
	head       [atBlobs]oci.Digest // the blobs at fixed places
	names      map[string]bool
	roles      map[oci.Digest]bool // whether a blob is metadata; nil until the inventory is read
	last       oci.Digest
	content    bool       // content has begun
	disordered bool       // disorder was reported; it is reported only once
	seal       oci.Digest // of the seal's manifest; empty if there is none, or it is not in its place
}

func newSequence(faults *faultList) *sequence {
	return &sequence{faults: faults, names: map[string]bool{}}
}

// visit checks the place of e, the next entry.
func (s *sequence) visit(e *entry, inv *Inventory) {
	if s.names[e.name] {
		s.faults.add(&check.Fault{ID: check.ContainerDuplicate, Subject: e.name,
			Detail: "the name occurs in the file more than once"})
		return
	}
	s.names[e.name] = true
	if e.refused {
		return
	}
	for s.place < len(fixed) && e.name != fixed[s.place].name {
		s.absent(e.name)
	}
	place := s.place
	s.place++
	switch {
	case place < len(fixed):
	case e.digest == "":
		s.place-- // a fixed file that comes too late takes no place
		s.disorder(e, "oci-layout first, then index.json")
	case place < atBlobs:
		s.head[place] = e.digest
	case s.seal != "" && place <= atSealEnvelope:
		s.sealPart(place, e, inv)
	default:
		s.blob(e, inv)
	}
}

// fixed lists the files that come first, with the check that fails if one is
// missing.
var fixed = []struct {
	name string
	id   check.ID
}{{nameMarker, check.LayoutMarker}, {nameIndex, check.LayoutIndex}}

// absent reports that the next fixed file is missing, and skips its place.
func (s *sequence) absent(found string) {
	f := fixed[s.place]
	s.faults.add(&check.Fault{ID: f.id, Subject: f.name, Detail: "is not in its place",
		Expected: f.name, Found: fmt.Sprintf("%q", found)})
	s.place++
}

// artifact checks that the manifest and the config of the inventory, and no other
// blobs, come before the inventory.
func (s *sequence) artifact(manifest oci.Digest) {
	first, second := s.head[atInventoryManifest], s.head[atInventoryConfig]
	switch {
	case first == manifest && second == oci.EmptyDigest:
	case first == oci.EmptyDigest && second == manifest:
		e := &entry{name: blobPrefix + first.Hex(), offset: blockSize}
		s.disorder(e, "the inventory's manifest, then its config")
	case first != manifest:
		s.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(first),
			Detail:   "the inventory's manifest is not the one the format dictates",
			Expected: string(manifest), Found: string(first)})
	default:
		s.faults.add(&check.Fault{ID: check.LayoutInventory, Subject: string(second),
			Detail:   "the inventory's config is not the empty config",
			Expected: string(oci.EmptyDigest), Found: string(second)})
	}
}

// sealPart checks the entry in the place of the seal's manifest or envelope. If the
// inventory lists the entry, the seal is missing, and the entry is checked as a
// blob.
func (s *sequence) sealPart(place int, e *entry, inv *Inventory) {
	part, want := "manifest", string(s.seal)
	if place == atSealEnvelope {
		part, want = "envelope", "the blob that its manifest names"
	}
	if _, listed := s.listed(e, inv); !listed && (place == atSealEnvelope || e.digest == s.seal) {
		return
	}
	s.faults.add(&check.Fault{ID: check.LayoutSeal, Subject: e.name,
		Detail:   "index.json lists a seal, and its " + part + " is not in its place",
		Expected: want, Found: string(e.digest)})
	s.seal = ""
	s.blob(e, inv)
}

// blob checks the place of a blob that the inventory should list.
func (s *sequence) blob(e *entry, inv *Inventory) {
	if inv == nil {
		return
	}
	meta, listed := s.listed(e, inv)
	if !listed {
		s.faults.add(&check.Fault{ID: check.LayoutUnlisted, Subject: string(e.digest),
			Detail: fmt.Sprintf("a blob of %d bytes that the inventory does not list", e.size)})
		return
	}
	if !meta && !s.content {
		s.content = true
		s.last = ""
	}
	if meta == s.content || e.digest <= s.last {
		s.disorder(e, "metadata by digest, then content by digest")
		return
	}
	s.last = e.digest
}

// listed reports whether the inventory lists a blob, and if so whether the blob is
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

// disorder reports the first entry that is out of order: it explains the others.
func (s *sequence) disorder(e *entry, want string) {
	if s.disordered {
		return
	}
	s.disordered = true
	s.faults.add(&check.Fault{ID: check.ContainerOrder, Subject: e.name,
		Detail:   fmt.Sprintf("entry at offset %d is out of order", e.offset-blockSize),
		Expected: want, Found: fmt.Sprintf("%q", e.name)})
}
