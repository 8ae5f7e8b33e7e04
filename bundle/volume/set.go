package volume

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gapseal/gapseal/internal/check"
)

// Set is the volumes of one bundle as they were found, in one folder or in
// several.
type Set struct {
	Base   Base
	Index  *Index // nil if there is none that can be read
	Dirs   Folders
	Faults []*check.Fault // what is wrong with the set already
	Found  []*Part        // in order, without those that are missing
	count  int            // how many there should be
	cut    int            // volumes before the first that is missing or of another size
}

// Part is one volume found.
type Part struct {
	Number int
	Path   string
	Size   int64 // in bytes
	file   *os.File
}

// IsSet reports whether a name is one of a set of volumes rather than of a
// bundle in one file: the index, or the first volume.
func IsSet(path string) bool {
	if IsIndex(path) {
		return true
	}
	_, n := Number(path)
	return n == 1
}

// Find opens the volumes that belong to path, the name of their index or of
// the first, in its folder and in dirs. What is wrong with them stands in
// Faults; the error is the operating system's.
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
		_, err := os.Stat(path)
		return nil, err
	}
	return s, nil
}

// readIndex reads the index given, or one that lies beside the volumes. One
// that cannot be used is told, and the volumes are read without it.
func (s *Set) readIndex(path string) error {
	given := IsIndex(path)
	if !given {
		all := s.Dirs.Paths(s.Base.Index())
		if len(all) == 0 {
			return nil
		}
		path = all[0]
	}
	x, err := ReadIndex(path)
	if bad := (*IndexError)(nil); errors.As(err, &bad) {
		s.Faults = append(s.Faults, &check.Fault{ID: check.MediaIndex, Subject: filepath.Base(path), Detail: bad.Reason, Warn: true})
		return nil
	}
	s.Index = x
	return err
}

// IndexError says why an index cannot be used.
type IndexError struct{ Path, Reason string }

func (e *IndexError) Error() string { return e.Path + ": the index of volumes " + e.Reason }

// ReadIndex reads an index of volumes. The error is an [*IndexError] or the
// operating system's.
func ReadIndex(path string) (*Index, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxIndex+1))
	if err != nil {
		return nil, err
	}
	x, err := Parse(raw)
	if err != nil {
		return nil, &IndexError{path, err.Error()}
	}
	return x, nil
}

// open finds each volume. Without an index they are counted up to the first
// gap.
func (s *Set) open() error {
	s.count = MaxVolumes
	if s.Index != nil {
		s.count = len(s.Index.Volumes)
	}
	s.cut = s.count
	for n := 1; n <= s.count; n++ {
		p, err := s.part(n)
		if err != nil {
			return err
		}
		if p == nil && s.Index == nil && n > 1 {
			s.count, s.cut = n-1, min(s.cut, n-1)
			break
		}
		if p == nil {
			s.missing(n)
			if s.Index == nil {
				s.count = 1
				break
			}
			continue
		}
		s.Found = append(s.Found, p)
		s.size(p)
	}
	return nil
}

// part opens volume n; nil if it is nowhere.
func (s *Set) part(n int) (*Part, error) {
	paths := s.Dirs.Paths(s.Base.Volume(n))
	if len(paths) == 0 {
		return nil, nil
	}
	path := paths[0]
	for _, other := range paths[1:] {
		better, err := s.choose(n, path, other)
		if err != nil {
			return nil, err
		}
		path = better
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Part{Number: n, Path: path, Size: info.Size(), file: f}, nil
}

func (s *Set) name(n int) string { return filepath.Base(s.Base.Volume(n)) }

func (s *Set) missing(n int) {
	s.cut = min(s.cut, n-1)
	of := ""
	if s.Index != nil {
		of = fmt.Sprintf(" of %d", s.count)
	}
	s.Faults = append(s.Faults, &check.Fault{ID: check.MediaMissing, Subject: s.name(n), Detail: fmt.Sprintf("volume %d%s is missing; looked in %s", n, of, strings.Join(s.Dirs, ", "))})
}

// size holds the size of a volume against the index.
func (s *Set) size(p *Part) {
	if s.Index == nil || s.Index.Volumes[p.Number-1].Size == p.Size {
		return
	}
	want, what := s.Index.Volumes[p.Number-1].Size, "is truncated"
	if p.Size > want {
		what = "is longer than it should be"
	}
	s.cut = min(s.cut, p.Number-1)
	s.Faults = append(s.Faults, &check.Fault{ID: check.MediaSize, Subject: s.name(p.Number), Detail: fmt.Sprintf("volume %d of %d %s", p.Number, s.count, what),
		Expected: fmt.Sprintf("%d bytes", want), Found: fmt.Sprintf("%d bytes", p.Size)})
}

// Close closes the volumes.
func (s *Set) Close() error {
	for _, p := range s.Found {
		p.file.Close()
	}
	return nil
}
