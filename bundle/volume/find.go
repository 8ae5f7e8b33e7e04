package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Set is the volumes of one bundle as they were found, in one folder or in
// several.
type Set struct {
	Base   Base
	Index  *Index // nil if there is none that can be used
	Dirs   Folders
	Faults []*check.Fault // what is wrong with the set, as far as Find could see
	// Found lists the volumes by number, without those that are missing. Once
	// Bundle has returned it lists those that were read, also if the index is
	// wrong about them.
	Found []*Part

	count   int     // volumes that there should be
	cut     int     // volumes before the first that is missing or has the wrong size
	extra   []*Part // volumes that follow those of the index
	reads   *Span   // what Bundle reads; nil before
	foreign map[oci.Digest]foreignVolume
}

// Part is one volume that was found.
type Part struct {
	Number int
	Path   string
	Size   int64 // in bytes
	file   *os.File
}

// Find opens the volumes that path belongs to, the name of an index or of a
// volume. It searches the folder of path and then dirs. What is wrong with the
// volumes is listed in [Set.Faults]; the error is the operating system's.
func Find(path string, dirs []string) (*Set, error) {
	s := &Set{}
	s.Base, s.Dirs = Search(path, dirs)
	if err := s.readIndex(path); err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		s.Close()
		return nil, err
	}
	if s.Index == nil && len(s.Found) == 0 && !IsIndex(path) {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		return nil, &fs.PathError{Op: "read volumes", Path: path, Err: errors.New("not a regular file")}
	}
	return s, nil
}

// Close closes the volumes.
func (s *Set) Close() error {
	for _, p := range slices.Concat(s.Found, s.extra) {
		p.file.Close()
	}
	return nil
}

func (s *Set) name(n int) string { return filepath.Base(s.Base.Volume(n)) }

func (s *Set) fault(f *check.Fault) { s.Faults = append(s.Faults, f) }

// readIndex reads the index that path names, or else the one that lies with the
// volumes. An index that cannot be used is a warning: the volumes are then read
// without it.
func (s *Set) readIndex(path string) error {
	if !IsIndex(path) {
		all := s.Dirs.Paths(s.Base.Index())
		if len(all) == 0 {
			return nil
		}
		path = all[0]
	}
	x, err := ReadIndex(path)
	if bad := (*IndexError)(nil); errors.As(err, &bad) {
		s.fault(&check.Fault{ID: check.MediaIndex, Subject: filepath.Base(path), Detail: bad.Reason, Warn: true})
		return nil
	}
	s.Index = x
	return err
}

// open finds and opens the volumes.
func (s *Set) open() error {
	if s.Index == nil {
		return s.openCounted()
	}
	return s.openListed()
}

// openCounted opens volumes by number up to the first that is missing. Without
// an index that is all that can be known.
func (s *Set) openCounted() error {
	for n := 1; n <= MaxVolumes; n++ {
		p, err := s.part(n)
		if err != nil {
			return err
		}
		if p == nil {
			break
		}
		s.Found = append(s.Found, p)
	}
	s.cut = len(s.Found)
	s.count = max(1, len(s.Found))
	if s.cut == 0 {
		s.missing(1)
	}
	return nil
}

func (s *Set) openListed() error {
	s.count = len(s.Index.Volumes)
	s.cut = s.count
	for n := 1; n <= s.count; n++ {
		p, err := s.part(n)
		if err != nil {
			return err
		}
		if p == nil {
			s.missing(n)
			continue
		}
		s.Found = append(s.Found, p)
		if err := s.checkSize(p); err != nil {
			return err
		}
	}
	return s.openExtra()
}

// openExtra opens the volumes that follow those of the index. They are left over
// from a longer set, or belong to this one and the index is wrong.
func (s *Set) openExtra() error {
	for n := s.count + 1; n <= MaxVolumes; n++ {
		p, err := s.part(n)
		if err != nil || p == nil {
			return err
		}
		s.extra = append(s.extra, p)
	}
	return nil
}

func (s *Set) missing(n int) {
	s.cut = min(s.cut, n-1)
	which := fmt.Sprintf("volume %d", n)
	if s.Index != nil {
		which = s.Index.nth(n)
	}
	s.fault(&check.Fault{ID: check.MediaMissing, Subject: s.name(n),
		Detail: which + " is missing; looked in " + strings.Join(s.Dirs, ", ")})
}

// checkSize compares the size of a volume with the index.
func (s *Set) checkSize(p *Part) error {
	if s.Index.Volumes[p.Number-1].Size == p.Size {
		return nil
	}
	s.cut = min(s.cut, p.Number-1)
	f := s.Index.wrongSize(p.Number, s.name(p.Number), p.Size)
	s.fault(f)
	if len(s.otherIndexes()) == 0 {
		return nil
	}
	d, err := Hash(context.Background(), p.file, p.Size, nil)
	if err == nil {
		s.nameForeign(f, p.Number, d)
	}
	return err
}

// part opens volume n; nil if no folder holds it.
func (s *Set) part(n int) (*Part, error) {
	paths := s.Dirs.Paths(s.Base.Volume(n))
	if len(paths) == 0 {
		return nil, nil
	}
	path := paths[0]
	if len(paths) > 1 {
		var err error
		if path, err = s.choose(n, paths); err != nil {
			return nil, err
		}
	}
	f, size, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if size > maxWhole { // a sparse file: sums of such sizes would overflow
		f.Close()
		err := fmt.Errorf("larger than any bundle: %d bytes", size)
		return nil, &fs.PathError{Op: "read volumes", Path: path, Err: err}
	}
	return &Part{Number: n, Path: path, Size: size, file: f}, nil
}

// open opens a regular file and returns it with its size in bytes. Anything else
// is refused before it is opened: opening a pipe could block forever.
func open(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// choose picks one of several files that are all named as volume n. If they are
// equal, that is not a fault. If they differ, the one that the index lists is
// read and the fault is a warning. If the index lists none of them, there is no
// way to tell which is right, and the fault rejects the bundle.
func (s *Set) choose(n int, paths []string) (string, error) {
	sums, err := hashPaths(paths)
	if err != nil {
		return paths[0], err
	}
	if !slices.ContainsFunc(sums, func(d oci.Digest) bool { return d != sums[0] }) {
		return paths[0], nil
	}
	const detail = "volume %d was found %s with different content: %s"
	f := &check.Fault{ID: check.MediaDuplicate, Subject: s.name(n),
		Detail: fmt.Sprintf(detail, n, times(len(paths)), strings.Join(paths, " and ")), Found: listed(sums)}
	s.fault(f)
	if s.Index != nil && n <= len(s.Index.Volumes) {
		want := s.Index.Volumes[n-1].Digest
		f.Expected = string(want)
		if at := slices.Index(sums, want); at >= 0 {
			f.Warn = true
			return paths[at], nil
		}
	}
	return paths[slices.IndexFunc(sums, readable)], nil
}

// hashPaths hashes files. The digest of a file that cannot be read is empty, as
// long as another can be read: that may be a copy made to replace it.
func hashPaths(paths []string) ([]oci.Digest, error) {
	sums := make([]oci.Digest, len(paths))
	var failed error
	for i, path := range paths {
		d, err := hashPath(path)
		if err != nil {
			failed = err
		}
		sums[i] = d
	}
	if slices.ContainsFunc(sums, readable) {
		return sums, nil
	}
	return nil, failed
}

func hashPath(path string) (oci.Digest, error) {
	f, size, err := open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return Hash(context.Background(), f, size, nil)
}

func readable(d oci.Digest) bool { return d != "" }

func times(n int) string {
	if n == 2 {
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

func listed(sums []oci.Digest) string {
	list := make([]string, len(sums))
	for i, d := range sums {
		list[i] = string(d)
		if !readable(d) {
			list[i] = "nothing that can be read"
		}
	}
	return strings.Join(list, " and ")
}
