package volume

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/atomicfile"
)

// Target says to which files a bundle is written, and how large they are.
type Target struct {
	Base    Base
	Each    int64 // bytes of a volume; 0 for one file
	Workers int   // blobs fetched at a time; see [bundle.Plan.WriteFile]

	// Progress, if not nil, is called with each number of bytes written or read
	// again, from several goroutines. [Target.Work] is the sum.
	Progress func(int64)

	// Protect, if not nil, is called when all volumes are written. It may add
	// files to the set and complete the index, as package recovery does.
	Protect func(ctx context.Context, out *Output, data []File, x *Index) error
}

// Work returns how many bytes [Target.Write] reports to Progress for a plan,
// without those that Protect reports.
func (t Target) Work(plan *bundle.Plan) int64 { return plan.ContentSize() + plan.Size }

// Write writes a plan as volumes with their index, or as one file if t.Each is
// 0, and removes the indexes of an earlier set of the same base. Existing files
// are replaced. On failure none of the new files has its name.
//
// The error is a [*SizeError] if t.Each is too small, a [*StaleError] if files
// of an earlier set would be read with the new ones, an error of fetch, or the
// operating system's.
func (t Target) Write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch) error {
	var out Output
	defer out.Abort()
	data, err := t.create(&out, plan.Size)
	if err != nil {
		return err
	}
	if err := plan.WriteFile(ctx, NewSpan(data), fetch, t.Workers, t.Progress); err != nil {
		return err
	}
	x, err := Describe(ctx, data, t.Progress)
	if err != nil {
		return err
	}
	if t.Protect != nil {
		if err := t.Protect(ctx, &out, data, x); err != nil {
			return err
		}
	}
	if t.Each > 0 {
		raw, err := x.Marshal()
		if err != nil {
			return err
		}
		if err := out.Document(t.Base.Index(), raw); err != nil {
			return err
		}
	}
	return out.Commit(t.Base.Index(), t.Base.RecoveryIndex())
}

// create opens the volumes, or the one file, for a bundle of size bytes.
func (t Target) create(out *Output, size int64) (data []File, err error) {
	sizes := []int64{size}
	name := func(int) string { return string(t.Base) }
	stale := []string{t.Base.Index()}
	if t.Each > 0 {
		if sizes, err = Split(size, t.Each); err != nil {
			return nil, err
		}
		name = t.Base.Volume
		stale = []string{t.Base.Volume(len(sizes) + 1)}
	}
	if t.Protect == nil {
		stale = append(stale, t.Base.Recovery(1))
	}
	if err := CheckStale(stale...); err != nil {
		return nil, err
	}
	for i, n := range sizes {
		f, err := out.Create(name(i+1), n)
		if err != nil {
			return nil, err
		}
		data = append(data, f)
	}
	return data, nil
}

// StaleError reports a file of an earlier set that would be taken for a part of
// the one to be written.
type StaleError struct{ Path string }

// Error names the file and says what to do.
func (e *StaleError) Error() string {
	return e.Path + " is left from an earlier export and would be taken for a part of this one; " +
		"remove the files of that export first"
}

// CheckStale returns a [*StaleError] if one of the files exists.
func CheckStale(paths ...string) error {
	for _, path := range paths {
		if _, err := os.Lstat(path); err == nil {
			return &StaleError{path}
		}
	}
	return nil
}

// Output is the files of one set while they are written. None of them gets its
// name before [Output.Commit], which is called when all are complete. The zero
// value is an empty set.
type Output struct {
	files     []*atomicfile.File
	paths     []string
	committed int // files that have their names
}

// Create adds a file of size bytes, to be written by the caller.
func (o *Output) Create(path string, size int64) (File, error) {
	f, err := atomicfile.Create(path)
	if err != nil {
		return File{}, err
	}
	o.files = append(o.files, f)
	o.paths = append(o.paths, path)
	return File{ReaderAt: f, WriterAt: f, Size: size}, nil
}

// Document adds a file with all of its content.
func (o *Output) Document(path string, raw []byte) error {
	f, err := o.Create(path, int64(len(raw)))
	if err != nil {
		return err
	}
	_, err = f.WriteAt(raw, 0)
	return err
}

// Paths lists the files of the set in the order in which they were added.
func (o *Output) Paths() []string { return o.paths }

// Commit gives all files their names. It flushes all of them to the disk first, so
// that little can still fail after the first file got its name. Then it removes the files
// in obsolete, which are indexes of older volumes.
func (o *Output) Commit(obsolete ...string) error {
	for i, f := range o.files {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("flush %s to the disk: %w", o.paths[i], err)
		}
	}
	for _, path := range obsolete {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, f := range o.files {
		if err := f.Commit(); err != nil {
			return err
		}
		o.committed++
	}
	return nil
}

// Abort removes all files of the set, unless Commit has succeeded.
func (o *Output) Abort() {
	for _, f := range o.files {
		_ = f.Abort()
	}
	if o.committed == len(o.files) {
		return
	}
	for _, path := range o.paths[:o.committed] {
		_ = os.Remove(path)
	}
}

// File is one part of a [Span]. The reader or the writer may be nil if it is not used.
type File struct {
	io.ReaderAt
	io.WriterAt
	Size int64 // in bytes
}

// Span is files laid end to end, to be read and written as one file. It is safe
// for concurrent use if its files are.
type Span struct {
	files []File
	ends  []int64 // where each file ends
}

// NewSpan lays files end to end.
func NewSpan(files []File) *Span {
	s := &Span{files: files}
	for _, f := range files {
		s.ends = append(s.ends, s.Size()+f.Size)
	}
	return s
}

// Size returns the sum of the sizes, in bytes.
func (s *Span) Size() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// ReadAt implements [io.ReaderAt] across the files.
func (s *Span) ReadAt(p []byte, off int64) (int, error) {
	return s.each(p, off, func(f File, p []byte, at int64) (int, error) {
		n, err := f.ReaderAt.ReadAt(p, at)
		if n == len(p) {
			err = nil
		}
		return n, err
	})
}

// WriteAt implements [io.WriterAt] across the files. Writing past the last is
// [io.ErrShortWrite].
func (s *Span) WriteAt(p []byte, off int64) (int, error) {
	n, err := s.each(p, off, func(f File, p []byte, at int64) (int, error) { return f.WriterAt.WriteAt(p, at) })
	if err == io.EOF {
		err = io.ErrShortWrite
	}
	return n, err
}

// each calls do for the part of p that lies in each file. The error is io.EOF if
// the last file ends before p does.
func (s *Span) each(p []byte, off int64, do func(f File, p []byte, at int64) (int, error)) (done int, err error) {
	first := sort.Search(len(s.ends), func(i int) bool { return s.ends[i] > off })
	for i := first; i < len(s.files) && len(p) > 0; i++ {
		at := off - (s.ends[i] - s.files[i].Size)
		part := p[:min(int64(len(p)), s.ends[i]-off)]
		n, err := do(s.files[i], part, at)
		done += n
		if err != nil {
			return done, err
		}
		p = p[n:]
		off += int64(n)
	}
	if len(p) > 0 {
		return done, io.EOF
	}
	return done, nil
}
