package recovery

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// NoIndexError reports that there is no index of recovery blocks to repair by.
// It wraps a [*check.Fault].
type NoIndexError struct{ Fault *check.Fault }

// Error says what was looked for and where.
func (e *NoIndexError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *NoIndexError) Unwrap() error { return e.Fault }

// Find opens the files of the set that path belongs to: the name of an index, of
// a volume, of a recovery volume, or of a bundle in one file. It searches the
// folder of path and then dirs.
//
// The error is a [*NoIndexError], a [*check.Fault] if the recovery volumes are
// those of another bundle, or the operating system's.
func Find(path string, dirs []string) (*Repair, error) {
	r := &Repair{documents: map[string][]byte{}, intact: map[*member]bool{}}
	r.Base, r.folders = volume.Search(path, dirs)
	err := r.readVolumes()
	if err == nil {
		err = r.readRecovery()
	}
	if err == nil {
		err = r.attach()
	}
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

// Close closes the files.
func (r *Repair) Close() error {
	for _, f := range r.open {
		f.Close()
	}
	return nil
}

func (r *Repair) openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	r.open = append(r.open, f)
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// attach opens every file of the set that exists.
func (r *Repair) attach() error {
	for _, f := range r.set.members {
		for _, p := range r.folders.Paths(f.name) {
			file, size, err := r.openFile(p)
			if err != nil {
				return err
			}
			if f.in != nil {
				r.others = append(r.others, otherCopy{f, file, size})
				continue
			}
			f.in = file
			f.found = size
		}
	}
	return nil
}

// readVolumes reads the index of volumes, if there is one.
func (r *Repair) readVolumes() error {
	paths := r.folders.Paths(r.Base.Index())
	if len(paths) == 0 {
		return nil
	}
	x, err := volume.ReadIndex(paths[0])
	if bad := (*volume.IndexError)(nil); errors.As(err, &bad) {
		r.note(bad.Error())
		return nil
	}
	r.volumes = x
	return err
}

func (r *Repair) note(s string) { r.Notes = append(r.Notes, s) }

// readRecovery reads the index of recovery blocks, from its file or from one of
// its copies.
func (r *Repair) readRecovery() error {
	file := r.readIndexFile()
	copies, err := r.copies()
	if err != nil {
		return err
	}
	name := filepath.Base(r.Base.RecoveryIndex())
	x, raw, err := choose(file, copies, r.wanted())
	if err != nil {
		detail := fmt.Sprintf("%v; looked in %s", err, strings.Join(r.folders, ", "))
		return &NoIndexError{&check.Fault{ID: check.MediaRecovery, Subject: name, Detail: detail}}
	}
	if !bytes.Equal(raw, file) {
		r.note(name + " is missing or damaged; a copy in a recovery volume was used")
		r.documents[name] = raw
	}
	if r.set, err = newSet(x, r.Base); err != nil {
		return err
	}
	return r.compareIndexes(x, name)
}

// readIndexFile returns the file of the index, nil if it cannot be read: a copy
// may replace it.
func (r *Repair) readIndexFile() []byte {
	paths := r.folders.Paths(r.Base.RecoveryIndex())
	if len(paths) == 0 {
		return nil
	}
	raw, err := readAtMost(paths[0], MaxIndex)
	if err != nil {
		r.note(err.Error())
		return nil
	}
	return raw
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(raw)) > most {
		err = fmt.Errorf("%s: larger than %d bytes", path, most)
	}
	return raw, err
}

// wanted returns the digest of the index of recovery blocks that the index of
// volumes names; empty if it names none.
func (r *Repair) wanted() oci.Digest {
	if r.volumes == nil || r.volumes.Recovery == nil {
		return ""
	}
	return r.volumes.Recovery.Digest
}

// maxCopies bounds the copies of the index that are held in memory. Equal copies
// are held once, and only damage makes them differ.
const maxCopies = 8

// copies reads the copies of the index at the end of the recovery volumes.
func (r *Repair) copies() (list [][]byte, err error) {
	for n := 1; n <= volume.MaxVolumes; n++ {
		for _, p := range r.folders.Paths(r.Base.Recovery(n)) {
			f, size, err := r.openFile(p)
			if err != nil {
				return nil, err
			}
			c := readCopy(f, size)
			if len(list) < maxCopies && !slices.ContainsFunc(list, func(o []byte) bool { return bytes.Equal(o, c) }) {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// compareIndexes makes sure that both indexes are of the same bundle.
func (r *Repair) compareIndexes(x *Index, name string) error {
	v := r.volumes
	if v == nil {
		if x.Volume > 0 {
			r.documents[filepath.Base(r.Base.Index())] = nil
		}
		return nil
	}
	if v.Whole != x.Whole || v.Volumes[0].Size != min(x.Volume, x.Whole.Size) {
		return &check.Fault{ID: check.MediaForeign, Subject: name,
			Detail:   "the recovery volumes are of another bundle than the index of volumes",
			Expected: string(v.Whole.Digest), Found: string(x.Whole.Digest)}
	}
	return nil
}

// A recovery volume ends in a tail: a copy of the index, with what is needed to
// find it from the end of the file and to tell whether it is whole.
//
//	index | SHA-256 of the index | length of the index, 8 bytes, big-endian | magic
const magic = "gapsealR"

const tailFixed = sha256.Size + 8 + len(magic)

func tailSize(index int) int64 { return int64(index + tailFixed) }

func tail(index []byte) []byte {
	sum := sha256.Sum256(index)
	return slices.Concat(index, sum[:], binary.BigEndian.AppendUint64(nil, uint64(len(index))), []byte(magic))
}

// readCopy returns the copy of the index at the end of a recovery volume of size
// bytes, nil if there is none that is whole.
func readCopy(r io.ReaderAt, size int64) []byte {
	var end [tailFixed]byte
	if size < int64(len(end)) {
		return nil
	}
	if _, err := r.ReadAt(end[:], size-int64(len(end))); err != nil && err != io.EOF {
		return nil
	}
	length := binary.BigEndian.Uint64(end[sha256.Size:])
	if string(end[sha256.Size+8:]) != magic || length > MaxIndex || int64(length) > size-int64(len(end)) {
		return nil
	}
	index := make([]byte, length)
	if _, err := r.ReadAt(index, size-int64(len(end))-int64(length)); err != nil && err != io.EOF {
		return nil
	}
	if sum := sha256.Sum256(index); !bytes.Equal(sum[:], end[:sha256.Size]) {
		return nil
	}
	return index
}

var errNoIndex = errors.New("there is no index of recovery blocks that can be read, " +
	"and no recovery volume has a whole copy of it at its end")

// choose picks the index that a repair uses, and returns it with its bytes. It
// prefers the index whose digest is want, which the index of volumes names. Next is
// the most frequent of the copies, which are known to be whole, and last the file.
// want and file may be empty.
func choose(file []byte, copies [][]byte, want oci.Digest) (*Index, []byte, error) {
	best := mostFrequent(copies)
	for _, c := range append([][]byte{file}, copies...) {
		if want != "" && len(c) > 0 && oci.FromBytes(c) == want {
			best = c
			break
		}
	}
	for _, c := range append([][]byte{best, file}, copies...) {
		if len(c) == 0 {
			continue
		}
		if x, err := Parse(c); err == nil {
			return x, c, nil
		}
	}
	return nil, nil, errNoIndex
}

func mostFrequent(copies [][]byte) (best []byte) {
	count := map[string]int{}
	for _, c := range copies {
		count[string(c)]++
		if len(c) > 0 && (best == nil || count[string(c)] > count[string(best)]) {
			best = c
		}
	}
	return best
}
