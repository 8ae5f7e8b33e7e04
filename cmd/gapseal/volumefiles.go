package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
)

// files are the files of one set, none of which gets its name before all are
// complete.
type files struct {
	base volume.Base
	all  []*atomicfile.File
	to   []string // their names
	done int      // how many have theirs
}

// create adds a file of size bytes, to be written to.
func (s *files) create(name string, size int64) (volume.File, error) {
	f, err := atomicfile.Create(name)
	if err != nil {
		return volume.File{}, err
	}
	s.all, s.to = append(s.all, f), append(s.to, name)
	return volume.File{ReaderAt: f, WriterAt: f, Size: size}, nil
}

// document adds a file with all of its content.
func (s *files) document(name string, raw []byte) error {
	f, err := s.create(name, int64(len(raw)))
	if err != nil {
		return err
	}
	_, err = f.WriteAt(raw, 0)
	return err
}

// commit gives all files their names, once all are on the disk, so that little
// can fail from then on. Indexes of older volumes (old) go first: they would
// speak of what is not there any more.
func (s *files) commit(old ...string) error {
	for i, f := range s.all {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("flush %s to the disk: %w", s.to[i], err)
		}
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, f := range s.all {
		if err := f.Commit(); err != nil {
			return err
		}
		s.done++
	}
	return nil
}

// abort leaves nothing, neither parts of files nor a part of the set.
func (s *files) abort() {
	for _, f := range s.all {
		_ = f.Abort()
	}
	if s.done < len(s.all) {
		for _, name := range s.to[:s.done] {
			_ = os.Remove(name)
		}
	}
}
