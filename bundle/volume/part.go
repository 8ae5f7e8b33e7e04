package volume

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gapseal/gapseal/verify/check"
)

// part opens volume n; nil if it is nowhere.
func (s *Set) part(n int) (*Part, error) {
	paths := s.Dirs.Paths(s.Base.Volume(n))
	if len(paths) == 0 {
		return nil, nil
	}
	path, err := paths[0], error(nil)
	if len(paths) > 1 {
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
	if size > maxWhole { // a file of holes: sums of such sizes would overflow
		f.Close()
		return nil, &fs.PathError{Op: "read volumes", Path: path, Err: fmt.Errorf("larger than any bundle: %d bytes", size)}
	}
	return &Part{Number: n, Path: path, Size: size, file: f}, nil
}

// open opens a regular file and returns its size in bytes, too. To open a pipe
// would hang.
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
