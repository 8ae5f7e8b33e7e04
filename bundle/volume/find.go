package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/gapseal/gapseal/verify/check"
)

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

// open finds and opens the volumes.
func (s *Set) open() error {
	if s.Index == nil {
		return s.openCounted()
	}
	return s.openListed()
}

// openCounted takes the volumes up to the first gap for all there are.
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
	s.cut, s.count = len(s.Found), max(1, len(s.Found))
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
		if err := s.size(p); err != nil {
			return err
		}
	}
	return s.openUnlisted()
}

// openUnlisted opens volumes that follow those of the index: of a longer set
// that was there before, or of this one, and the index is wrong.
func (s *Set) openUnlisted() error {
	for n := s.count + 1; n <= MaxVolumes; n++ {
		p, err := s.part(n)
		if err != nil || p == nil {
			return err
		}
		s.more = append(s.more, p)
	}
	return nil
}

func (s *Set) missing(n int) {
	s.cut = min(s.cut, n-1)
	which := fmt.Sprintf("volume %d", n)
	if s.Index != nil {
		which = s.Index.nth(n)
	}
	s.Faults = append(s.Faults, &check.Fault{ID: check.MediaMissing, Subject: s.name(n), Detail: which + " is missing; looked in " + strings.Join(s.Dirs, ", ")})
}
