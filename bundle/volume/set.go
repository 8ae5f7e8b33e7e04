package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	more   []*Part        // that follow and that the index does not list
	reads  *Span          // what the bundle was opened on
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
	return n == 1 && !IsRecovery(path)
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
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
		return nil, &fs.PathError{Op: "read volumes", Path: path, Err: errors.New("not a regular file")}
	}
	return s, nil
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
		if err := s.size(p); err != nil {
			return err
		}
	}
	return s.unlisted()
}

// unlisted finds volumes that follow those of the index: of a longer set that
// was there before, or of this one, and the index is wrong.
func (s *Set) unlisted() error {
	for n := s.count + 1; s.Index != nil && n <= MaxVolumes; n++ {
		p, err := s.part(n)
		if err != nil || p == nil {
			return err
		}
		s.more = append(s.more, p)
	}
	return nil
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

// Close closes the volumes.
func (s *Set) Close() error {
	for _, p := range slices.Concat(s.Found, s.more) {
		p.file.Close()
	}
	return nil
}
