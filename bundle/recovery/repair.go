package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Repair is the repair of one bundle: its files as they were found, and what is
// to be rebuilt. Call [Find], [Repair.Scan], [Repair.Rebuild] and
// [Repair.Close], in this order.
type Repair struct {
	Base  volume.Base
	Notes []string // what was wrong with the indexes, for a person to read

	folders   volume.Folders
	volumes   *volume.Index // nil if there is none that can be used
	set       *set
	open      []*os.File
	others    []otherCopy
	innocent  map[*member]bool  // intact files that share a lost cell with a neighbour
	documents map[string][]byte // indexes to be written, by name; nil for one not made yet
}

// otherCopy is a further copy of a file, from another folder.
type otherCopy struct {
	of   *member
	in   *os.File
	size int64
}

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
	r := &Repair{documents: map[string][]byte{}, innocent: map[*member]bool{}}
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

// Files returns how many files the set consists of.
func (r *Repair) Files() int { return len(r.set.members) }

// Size returns how many bytes [Repair.Scan] reports as progress.
func (r *Repair) Size() int64 { return r.set.span() }

// Scan reads all files and finds what is damaged or missing. Of several copies
// of a file it keeps to the one with the least damage. What cannot be read counts
// as damaged. progress is called with each number of bytes looked at, from several
// goroutines; it may be nil.
func (r *Repair) Scan(ctx context.Context, progress func(int64)) error {
	if err := r.set.scan(ctx, orQuiet(progress)); err != nil {
		return err
	}
	for _, o := range r.others {
		if o.of.problem() == "" && len(r.set.ranges(o.of)) == 0 {
			continue
		}
		if err := r.set.try(ctx, o.of, o.in, o.size); err != nil {
			return err
		}
	}
	return r.acquit(ctx)
}

// acquit finds volumes that are intact although they share a lost cell with a
// neighbour.
func (r *Repair) acquit(ctx context.Context) error {
	if r.volumes == nil {
		return nil
	}
	for i, f := range r.set.data() {
		if f.problem() != "" || len(r.set.ranges(f)) == 0 {
			continue
		}
		d, err := volume.Hash(ctx, f.in, f.size, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.innocent[f] = err == nil && d == r.volumes.Volumes[i].Digest
	}
	return nil
}

// Damage is what is wrong with one file of the set.
type Damage struct {
	Name    string // of the file, without its folder
	Size    int64  // in bytes, of what recovery protects
	Missing bool
	Problem string  // what is wrong with the file, such as "is missing"
	Lost    []Range // bytes that differ from the index
}

// Damage lists the files that [Repair.Rebuild] will write, once [Repair.Scan]
// has returned. Indexes are not among them.
func (r *Repair) Damage() (list []Damage) {
	for _, f := range r.damaged() {
		d := Damage{
			Name: filepath.Base(f.name), Size: f.size, Missing: f.in == nil,
			Problem: f.problem(), Lost: r.lost(f),
		}
		if d.Problem == "" {
			d.Problem = "is damaged"
		}
		list = append(list, d)
	}
	return list
}

func (r *Repair) damaged() (list []*member) {
	for _, f := range r.set.members {
		if f.problem() != "" || len(r.lost(f)) > 0 {
			list = append(list, f)
		}
	}
	return list
}

func (r *Repair) lost(f *member) []Range {
	if r.innocent[f] {
		return nil
	}
	return r.set.ranges(f)
}

// Beyond returns a fault if more is lost than can be rebuilt, otherwise nil.
func (r *Repair) Beyond() *check.Fault { return r.set.beyond() }

// Needed reports whether there is anything to rebuild, indexes included.
func (r *Repair) Needed() bool { return len(r.documents) > 0 || len(r.damaged()) > 0 }

// Work returns how many bytes [Repair.Rebuild] reports as progress.
func (r *Repair) Work() int64 { return r.set.work(r.damaged()) }

// Rebuild writes the files that are damaged or missing, indexes included, into
// dir, and returns their paths. It makes the folder if there is none. Nothing is
// written over: a file that exists is an error that matches [fs.ErrExist]. What
// was rebuilt is compared with the indexes before any file gets its name, and on
// failure nothing is left.
//
// progress is called with each number of bytes, from several goroutines; it may be
// nil. The error is a [*check.Fault] if more is lost than can be rebuilt, or if what
// was rebuilt is not what an index says.
func (r *Repair) Rebuild(ctx context.Context, dir string, progress func(int64)) (written []string, err error) {
	made := false
	switch err := os.Mkdir(dir, 0o777); {
	case err == nil:
		made = true
	case !errors.Is(err, fs.ErrExist):
		return nil, err
	}
	out := &volume.Output{}
	err = r.fill(ctx, out, dir, orQuiet(progress))
	if err == nil {
		err = out.Commit()
	}
	out.Abort()
	if err != nil && made {
		_ = os.Remove(dir)
	}
	return out.Paths(), err
}

func (r *Repair) fill(ctx context.Context, out *volume.Output, dir string, progress func(int64)) error {
	damaged := r.damaged()
	files := map[*member]output{}
	for _, f := range damaged {
		path := filepath.Join(dir, filepath.Base(f.name))
		if err := refuseExisting(path); err != nil {
			return err
		}
		file, err := out.Create(path, f.full())
		if err != nil {
			return err
		}
		files[f] = file
	}
	if err := r.set.rebuild(ctx, files, progress); err != nil {
		return err
	}
	if err := r.compare(ctx, damaged); err != nil {
		return err
	}
	return r.writeIndexes(out, dir)
}

func orQuiet(progress func(int64)) func(int64) {
	if progress == nil {
		return func(int64) {}
	}
	return progress
}

func refuseExisting(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return &fs.PathError{Op: "rebuild", Path: path, Err: fs.ErrExist}
	}
	return nil
}

// compare compares what was rebuilt with the index of volumes, or if there is
// none the whole bundle with the index of recovery blocks.
func (r *Repair) compare(ctx context.Context, damaged []*member) error {
	if r.volumes == nil {
		return r.compareWhole(ctx)
	}
	for i, f := range r.set.data() {
		if !slices.Contains(damaged, f) {
			continue
		}
		d, err := volume.Hash(ctx, f.in, f.size, nil)
		if err != nil {
			return err
		}
		if want := r.volumes.Volumes[i].Digest; d != want {
			return mismatch(f.name, want, d)
		}
	}
	return nil
}

func (r *Repair) compareWhole(ctx context.Context) error {
	var all []volume.File
	for _, f := range r.set.data() {
		all = append(all, volume.File{ReaderAt: f.in, Size: f.size})
	}
	x, err := volume.Describe(ctx, all, nil)
	if err != nil {
		return err
	}
	if x.Whole != r.set.index.Whole {
		return mismatch(string(r.Base), r.set.index.Whole.Digest, x.Whole.Digest)
	}
	return r.describe(x)
}

func mismatch(name string, want, got oci.Digest) error {
	return &check.Fault{ID: check.MediaRecovery, Subject: filepath.Base(name),
		Detail:   "what was rebuilt is not what the index says; one of the indexes was changed",
		Expected: string(want), Found: string(got)}
}

// describe makes the index of volumes if it is missing.
func (r *Repair) describe(x *volume.Index) error {
	name := filepath.Base(r.Base.Index())
	if _, missing := r.documents[name]; !missing {
		return nil
	}
	raw, err := r.set.index.Marshal()
	if err != nil {
		return err
	}
	x.Recovery = &volume.Recovery{Digest: oci.FromBytes(raw), Data: r.set.index.Data, Parity: r.set.index.Parity}
	r.documents[name], err = x.Marshal()
	return err
}

// writeIndexes writes the indexes that were missing or damaged.
func (r *Repair) writeIndexes(out *volume.Output, dir string) error {
	for _, name := range slices.Sorted(maps.Keys(r.documents)) {
		path := filepath.Join(dir, name)
		if err := refuseExisting(path); err != nil {
			return err
		}
		if err := out.Document(path, r.documents[name]); err != nil {
			return err
		}
	}
	return nil
}
