package recovery

import (
	"context"
	"crypto/sha256"
	"io"
	"slices"
	"sync"

	"github.com/gapseal/gapseal/oci"
)

// readBuffer is how much of a cell is in memory while it is hashed.
const readBuffer = 1 << 20

var buffers = sync.Pool{New: func() any { b := make([]byte, readBuffer); return &b }}

// Scan reads all files from end to end and finds the cells that are not what
// the index says. progress is told the bytes looked at. The error is that of
// ctx alone: what cannot be read is lost.
func (s *Set) Scan(ctx context.Context, progress func(int64)) error {
	return s.scan(ctx, func(int) bool { return true }, progress)
}

func (s *Set) scan(ctx context.Context, wanted func(cell int) bool, progress func(int64)) error {
	return each(0, s.g.Blocks(), func(block int) error {
		for column := range s.g.Columns {
			i := block*s.g.Columns + column
			if err := ctx.Err(); err != nil {
				return err
			}
			if wanted(i) {
				s.lost[i] = s.sum(s.g.at(block, column)) != s.Index.Cells[i]
			}
			progress(s.g.Cell)
		}
		return nil
	})
}

// Try reads a file from another copy, and keeps to that if less of it is lost.
func (s *Set) Try(ctx context.Context, f *File, in io.ReaderAt, found int64) error {
	before, lost := s.bytesLost(f), slices.Clone(s.lost)
	oldIn, oldFound := f.In, f.Found
	f.In, f.Found = in, found
	err := s.scan(ctx, func(cell int) bool {
		from, to := s.within(f, cell)
		return from < to
	}, func(int64) {})
	if after := s.bytesLost(f); err != nil || after > before || after == before && oldFound == f.Full() {
		f.In, f.Found, s.lost = oldIn, oldFound, lost
	}
	return err
}

// sum hashes a cell; it is empty for one that cannot be read.
func (s *Set) sum(pos int64) oci.Digest {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	h := sha256.New()
	for off := int64(0); off < s.g.Cell; off += readBuffer {
		p := (*buf)[:min(readBuffer, s.g.Cell-off)]
		if s.read(p, pos+off) != nil {
			return ""
		}
		h.Write(p)
	}
	return oci.FromSum([sha256.Size]byte(h.Sum(nil)))
}

// Span is how many bytes [Set.Scan] looks at.
func (s *Set) Span() int64 { return s.g.Block() * int64(s.g.Blocks()) }

// within is the part of a cell that lies in a file; it is empty if from >= to.
func (s *Set) within(f *File, cell int) (from, to int64) {
	pos := s.g.at(cell/s.g.Columns, cell%s.g.Columns)
	return max(pos, f.at) - f.at, min(pos+s.g.Cell, f.at+f.Size) - f.at
}
