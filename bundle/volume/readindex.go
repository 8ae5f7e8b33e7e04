package volume

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/gapseal/gapseal/verify/check"
)

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

// Error names the file and what is wrong with it.
func (e *IndexError) Error() string { return e.Path + ": the index of volumes " + e.Reason }

// ReadIndex reads an index of volumes. The error is an [*IndexError], also where
// a damaged medium does not give what is in the file, or the operating system's.
func ReadIndex(path string) (*Index, error) {
	f, _, err := open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, MaxIndex+1))
	if err != nil {
		return nil, &IndexError{path, "cannot be read: " + err.Error()}
	}
	x, err := Parse(raw)
	if err != nil {
		return nil, &IndexError{path, err.Error()}
	}
	return x, nil
}
