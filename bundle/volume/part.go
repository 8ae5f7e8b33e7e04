package volume

import (
	"context"
	"errors"
	"fmt"
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

// size holds the size of a volume against the index.
func (s *Set) size(p *Part) error {
	if s.Index == nil || s.Index.Volumes[p.Number-1].Size == p.Size {
		return nil
	}
	want := s.Index.Volumes[p.Number-1].Size
	s.cut = min(s.cut, p.Number-1)
	f := &check.Fault{ID: check.MediaSize, Subject: s.name(p.Number), Expected: fmt.Sprintf("%d bytes", want), Found: fmt.Sprintf("%d bytes", p.Size)}
	f.Detail = fmt.Sprintf("volume %d of %d is truncated", p.Number, s.count)
	if p.Size > want {
		f.Detail = fmt.Sprintf("volume %d of %d is longer than it should be", p.Number, s.count)
	}
	s.Faults = append(s.Faults, f)
	if len(s.otherIndexes()) == 0 {
		return nil
	}
	d, err := Hash(context.Background(), p.file, p.Size, nil)
	if other := s.otherSet(d); err == nil && other != "" {
		f.ID, f.Detail = check.MediaForeign, fmt.Sprintf("volume %d of %d is %s", p.Number, s.count, other)
	}
	return err
}
