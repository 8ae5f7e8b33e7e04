package recovery

import (
	"errors"
	"io"
	"slices"

	"github.com/gapseal/gapseal/bundle/volume"
)

// File is one volume, of data or of parity, that a set consists of.
type File struct {
	Name  string // as it derives from the name of the bundle
	Size  int64  // in bytes, of what belongs to blocks
	Tail  []byte // what follows; empty but in a recovery volume
	In    io.ReaderAt
	Found int64 // size in bytes of what In reads; In is nil if the file is missing

	at int64 // where it begins, in a space of all data blocks and then all parity
}

// Full is the size that the file must have, in bytes.
func (f *File) Full() int64 { return f.Size + int64(len(f.Tail)) }

// Range is a run of bytes of a file.
type Range struct{ From, To int64 }

// Set is the volumes of one bundle with its index of recovery blocks.
type Set struct {
	Index *Index
	Files []*File // data first, each kind in order
	g     Geometry
	lost  []bool // cells, as the index lists them
}

// NewSet lists the files that a bundle of that name consists of, all of them
// missing as yet.
func NewSet(x *Index, base volume.Base) (*Set, error) {
	raw, err := x.Marshal()
	if err != nil {
		return nil, err
	}
	s := &Set{Index: x, g: x.Geometry()}
	s.lost = make([]bool, len(x.Cells))
	if err := s.data(base); err != nil {
		return nil, err
	}
	sizes, err := volume.Split(s.g.ParitySize(), x.Recovery)
	at, end := s.g.at(s.g.Data, 0), tail(raw) // one for all: there may be 999 of them
	for i, n := range sizes {
		s.Files = append(s.Files, &File{Name: base.Recovery(i + 1), Size: n, Tail: end, at: at})
		at += n
	}
	return s, err
}

func (s *Set) data(base volume.Base) error {
	if s.Index.Volume == 0 {
		s.Files = []*File{{Name: string(base), Size: s.g.Size}}
		return nil
	}
	sizes, err := volume.Split(s.g.Size, s.Index.Volume)
	at := int64(0)
	for i, n := range sizes {
		s.Files = append(s.Files, &File{Name: base.Volume(i + 1), Size: n, at: at})
		at += n
	}
	return err
}

// Data lists the files of the bundle itself.
func (s *Set) Data() []*File {
	return s.Files[:slices.IndexFunc(s.Files, func(f *File) bool { return len(f.Tail) > 0 })]
}

// errHole says that something cannot be read. A scan takes it for loss; after
// one it means that the medium no longer reads what it read then.
var errHole = errors.New("a volume does not read twice the same; copy what can be read of it to a disk, and repair from there")

// read fills p from the space of all blocks. What the medium refuses to read is
// lost like what it reads wrongly.
func (s *Set) read(p []byte, pos int64) error {
	for _, f := range s.Files {
		lo, hi := max(pos, f.at), min(pos+int64(len(p)), f.at+f.Size)
		if lo >= hi {
			continue
		}
		if f.In == nil {
			return errHole
		}
		if n, _ := f.In.ReadAt(p[lo-pos:hi-pos], lo-f.at); int64(n) < hi-lo {
			return errHole
		}
	}
	if lo, hi := max(pos, s.g.Size), min(pos+int64(len(p)), s.g.at(s.g.Data, 0)); lo < hi {
		clear(p[lo-pos : hi-pos])
	}
	return nil
}
