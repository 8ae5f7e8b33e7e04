package recovery

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

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
	intact    map[*member]bool  // files without damage that share a lost cell with a neighbour
	documents map[string][]byte // indexes to be written, by name; nil for one not made yet
}

// otherCopy is a further copy of a file, from another folder.
type otherCopy struct {
	of   *member
	in   *os.File
	size int64
}

// Files returns how many files the set consists of.
func (r *Repair) Files() int { return len(r.set.members) }

// Size returns how many bytes [Repair.Scan] reports as progress.
func (r *Repair) Size() int64 { return r.set.span() }

// Scan reads all files and finds what is damaged or missing. Of several copies of a
// file it uses the one with the least damage. What cannot be read counts as damaged.
// progress is called with each number of bytes looked at, from several goroutines;
// it may be nil.
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
	return r.findIntact(ctx)
}

// findIntact finds volumes that are not damaged although they share a lost cell with
// a neighbour.
func (r *Repair) findIntact(ctx context.Context) error {
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
		r.intact[f] = err == nil && d == r.volumes.Volumes[i].Digest
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
	if r.intact[f] {
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
// dir, and returns their paths. It makes the folder if there is none. It overwrites
// nothing: for a file that exists, the error matches [fs.ErrExist]. It compares what
// was rebuilt with the indexes before any file gets its name, and leaves nothing
// behind on failure.
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

// compare compares what was rebuilt with the index of volumes. If there is none, it
// compares the whole bundle with the index of recovery blocks.
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
