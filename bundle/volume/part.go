package volume

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/gapseal/gapseal/internal/check"
)

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
	f, size, err := open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Part{Number: n, Path: path, Size: size, file: f}, nil
}

// open opens a file and returns its size in bytes, too.
func open(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// size holds the size of a volume against the index.
func (s *Set) size(p *Part) error {
	if s.Index.Volumes[p.Number-1].Size == p.Size {
		return nil
	}
	s.cut = min(s.cut, p.Number-1)
	f := s.Index.wrongSize(p.Number, s.name(p.Number), p.Size)
	s.Faults = append(s.Faults, f)
	if len(s.otherIndexes()) == 0 {
		return nil
	}
	d, err := Hash(context.Background(), p.file, p.Size, nil)
	if other := s.otherSet(d); err == nil && other != "" {
		f.ID, f.Detail = check.MediaForeign, s.Index.nth(p.Number)+" is "+other
	}
	return err
}
