package recovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/gapseal/gapseal/internal/check"
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

func (s *Set) bytesLost(f *File) (n int64) {
	for _, g := range s.Lost(f) {
		n += g.To - g.From
	}
	return n
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

// Lost returns the ranges of a file that lie in cells that are lost. A cell may
// reach into two files, and then either may be at fault.
func (s *Set) Lost(f *File) (list []Range) {
	for i, lost := range s.lost {
		from, to := s.within(f, i)
		switch {
		case !lost || from >= to:
		case len(list) > 0 && list[len(list)-1].To == from:
			list[len(list)-1].To = to
		default:
			list = append(list, Range{from, to})
		}
	}
	return list
}

// within is the part of a cell that lies in a file; it is empty if from >= to.
func (s *Set) within(f *File, cell int) (from, to int64) {
	pos := s.g.at(cell/s.g.Columns, cell%s.g.Columns)
	return max(pos, f.at) - f.at, min(pos+s.g.Cell, f.at+f.Size) - f.at
}

// Blocks returns how many blocks of a file have lost a cell.
func (s *Set) Blocks(f *File) (n int) {
	last := -1
	for i, lost := range s.lost {
		from, to := s.within(f, i)
		if block := i / s.g.Columns; lost && from < to && block != last {
			n, last = n+1, block
		}
	}
	return n
}

// Fault says in a few words what is wrong with a file beside its ranges; it is
// empty if nothing is.
func (f *File) Fault() string {
	switch {
	case f.In == nil:
		return "is missing"
	case f.Found < f.Full():
		return fmt.Sprintf("is truncated: it has %d bytes of %d", f.Found, f.Full())
	case f.Found > f.Full():
		return fmt.Sprintf("is too long: it has %d bytes for %d", f.Found, f.Full())
	}
	end := make([]byte, len(f.Tail))
	if n, err := f.In.ReadAt(end, f.Size); err != nil && err != io.EOF || n != len(end) || !bytes.Equal(end, f.Tail) {
		return "has a damaged copy of the index at its end"
	}
	return ""
}

// Beyond says that more is lost than can be rebuilt; nil if it can.
func (s *Set) Beyond() *check.Fault {
	worst, at := 0, 0
	for column := range s.g.Columns {
		n := 0
		for block := range s.g.Blocks() {
			if s.lost[block*s.g.Columns+column] {
				n++
			}
		}
		if n > worst {
			worst, at = n, column
		}
	}
	if worst <= s.g.Parity {
		return nil
	}
	return &check.Fault{ID: check.MediaRecovery, Detail: fmt.Sprintf("more is lost than can be rebuilt: %d too many of %d blocks, in column %d of %d", worst-s.g.Parity, s.g.Blocks(), at+1, s.g.Columns),
		Expected: fmt.Sprintf("at most %d blocks lost", s.g.Parity), Found: fmt.Sprintf("%d lost", worst)}
}
