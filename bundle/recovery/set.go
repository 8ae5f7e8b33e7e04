package recovery

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// set is the files that an index of recovery blocks is about, and what is lost
// of them.
type set struct {
	index   *Index
	members []*member // data first, each kind in order
	g       geometry
	lost    []bool // by cell, in the order of the index
}

// member is one file of a set, of data or of parity.
type member struct {
	name  string // derived from the name of the bundle
	size  int64  // bytes that belong to blocks
	tail  []byte // what follows them; empty for data
	in    io.ReaderAt
	found int64 // bytes that in has; in is nil if the file is missing

	at int64 // where it begins in the block space
}

// full returns the size that the file should have, in bytes.
func (f *member) full() int64 { return f.size + int64(len(f.tail)) }

// newSet lists the files that a bundle of that name consists of. All of them are
// missing until in is set.
func newSet(x *Index, base volume.Base) (*set, error) {
	raw, err := x.Marshal()
	if err != nil {
		return nil, err
	}
	s := &set{index: x, g: x.geometry(), lost: make([]bool, len(x.Cells))}
	if err := s.addData(base); err != nil {
		return nil, err
	}
	sizes, err := volume.Split(s.g.paritySize(), x.Recovery)
	at, end := s.g.at(s.g.Data, 0), tail(raw) // one tail for all: there may be 999 of them
	for i, n := range sizes {
		s.members = append(s.members, &member{name: base.Recovery(i + 1), size: n, tail: end, at: at})
		at += n
	}
	return s, err
}

func (s *set) addData(base volume.Base) error {
	if s.index.Volume == 0 {
		s.members = []*member{{name: string(base), size: s.g.Size}}
		return nil
	}
	sizes, err := volume.Split(s.g.Size, s.index.Volume)
	at := int64(0)
	for i, n := range sizes {
		s.members = append(s.members, &member{name: base.Volume(i + 1), size: n, at: at})
		at += n
	}
	return err
}

// data returns the files of the bundle itself, parity those that were added.
func (s *set) data() []*member   { return s.members[:s.firstParity()] }
func (s *set) parity() []*member { return s.members[s.firstParity():] }

func (s *set) firstParity() int {
	return slices.IndexFunc(s.members, func(f *member) bool { return len(f.tail) > 0 })
}

// errUnreadable reports that something cannot be read. During a scan that counts as
// loss. After the scan it means that the medium no longer reads what it read before.
var errUnreadable = errors.New("a volume does not read the same twice; " +
	"copy what can be read of it to a disk, and repair from there")

// read fills p from a position of the block space.
func (s *set) read(p []byte, pos int64) error {
	for _, f := range s.members {
		lo, hi := max(pos, f.at), min(pos+int64(len(p)), f.at+f.size)
		if lo >= hi {
			continue
		}
		if f.in == nil {
			return errUnreadable
		}
		if n, _ := f.in.ReadAt(p[lo-pos:hi-pos], lo-f.at); int64(n) < hi-lo {
			return errUnreadable
		}
	}
	if lo, hi := max(pos, s.g.Size), min(pos+int64(len(p)), s.g.at(s.g.Data, 0)); lo < hi {
		clear(p[lo-pos : hi-pos])
	}
	return nil
}

// readBuffer is how many bytes of a cell are in memory while it is hashed.
const readBuffer = 1 << 20

var buffers = sync.Pool{New: func() any { b := make([]byte, readBuffer); return &b }}

// scan reads all files from end to end and finds the cells that differ from the
// index. progress is called with each number of bytes looked at. The error is
// that of ctx alone: what cannot be read counts as lost.
func (s *set) scan(ctx context.Context, progress func(int64)) error {
	return s.scanCells(ctx, func(int) bool { return true }, progress)
}

// span returns how many bytes scan looks at.
func (s *set) span() int64 { return s.g.block() * int64(s.g.blocks()) }

func (s *set) scanCells(ctx context.Context, wanted func(cell int) bool, progress func(int64)) error {
	return each(0, s.g.blocks(), func(block int) error {
		for column := range s.g.Columns {
			if err := ctx.Err(); err != nil {
				return err
			}
			i := block*s.g.Columns + column
			if wanted(i) {
				s.lost[i] = s.sum(s.g.at(block, column)) != s.index.Cells[i]
			}
			progress(s.g.Cell)
		}
		return nil
	})
}

// sum hashes a cell; the result is empty if the cell cannot be read.
func (s *set) sum(pos int64) oci.Digest {
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

// try reads a file from another copy, and keeps that copy if less of it is lost.
func (s *set) try(ctx context.Context, f *member, in io.ReaderAt, found int64) error {
	before, lost := s.bytesLost(f), slices.Clone(s.lost)
	oldIn, oldFound := f.in, f.found
	f.in, f.found = in, found
	err := s.scanCells(ctx, func(cell int) bool {
		from, to := s.within(f, cell)
		return from < to
	}, func(int64) {})
	if after := s.bytesLost(f); err != nil || after > before || after == before && oldFound == f.full() {
		f.in, f.found = oldIn, oldFound
		s.lost = lost
	}
	return err
}

// within returns the part of a cell that lies in a file; it is empty if from >=
// to.
func (s *set) within(f *member, cell int) (from, to int64) {
	pos := s.g.at(cell/s.g.Columns, cell%s.g.Columns)
	return max(pos, f.at) - f.at, min(pos+s.g.Cell, f.at+f.size) - f.at
}

// Range is the bytes From up to To of a file.
type Range struct{ From, To int64 }

// ranges returns the parts of a file that lie in lost cells. A cell may reach
// into two files, and then either of them may be at fault.
func (s *set) ranges(f *member) (list []Range) {
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

func (s *set) bytesLost(f *member) (n int64) {
	for _, g := range s.ranges(f) {
		n += g.To - g.From
	}
	return n
}

// problem says in a few words what is wrong with a file apart from its ranges;
// it is empty if nothing is.
func (f *member) problem() string {
	switch {
	case f.in == nil:
		return "is missing"
	case f.found < f.full():
		return fmt.Sprintf("is truncated: it has %d bytes of %d", f.found, f.full())
	case f.found > f.full():
		return fmt.Sprintf("is too long: it has %d bytes for %d", f.found, f.full())
	}
	end := make([]byte, len(f.tail))
	if n, err := f.in.ReadAt(end, f.size); err != nil && err != io.EOF || n != len(end) || !bytes.Equal(end, f.tail) {
		return "has a damaged copy of the index at its end"
	}
	return ""
}

// beyond reports that more is lost than can be rebuilt; it is nil if all can be.
func (s *set) beyond() *check.Fault {
	worst := 0
	for column := range s.g.Columns {
		n := 0
		for block := range s.g.blocks() {
			if s.lost[block*s.g.Columns+column] {
				n++
			}
		}
		worst = max(worst, n)
	}
	if worst <= s.g.Parity {
		return nil
	}
	return &check.Fault{ID: check.MediaRecovery,
		Detail:   fmt.Sprintf("more of the %d blocks are lost than can be rebuilt", s.g.blocks()),
		Expected: fmt.Sprintf("at most %d blocks lost", s.g.Parity), Found: fmt.Sprintf("%d lost", worst)}
}

// output is a file that is rebuilt: what is written to it is read back.
type output interface {
	io.ReaderAt
	io.WriterAt
}

// rebuild writes files again after a scan, each to its output: intact cells are
// copied and lost ones computed. Then it reads everything it wrote and compares
// it with the index. The error is a [*check.Fault] if that cannot be done.
// progress is called with each number of bytes; work is the sum.
func (s *set) rebuild(ctx context.Context, out map[*member]output, progress func(int64)) error {
	if f := s.beyond(); f != nil {
		return f
	}
	for f, w := range out {
		if err := s.salvage(ctx, f, w, progress); err != nil {
			return err
		}
	}
	if err := s.compute(ctx, out, progress); err != nil {
		return err
	}
	for f, w := range out {
		f.in = w
		f.found = f.full()
	}
	if err := s.scanCells(ctx, func(cell int) bool { return s.touches(out, cell) }, progress); err != nil {
		return err
	}
	for i, lost := range s.lost {
		if lost && s.touches(out, i) {
			return &check.Fault{ID: check.MediaRecovery,
				Detail: "what was rebuilt is not what the index of recovery blocks says: " +
					"the index was changed, or a medium does not read the same twice"}
		}
	}
	return nil
}

// work returns how many bytes rebuild reports as progress for these files.
func (s *set) work(files []*member) (n int64) {
	for _, f := range files {
		n += f.size
	}
	for column := range s.g.Columns {
		if s.anyLost(column) {
			n += s.g.Cell * int64(s.g.Data)
		}
	}
	return n + s.span()
}

func (s *set) touches(out map[*member]output, cell int) bool {
	for f := range out {
		if from, to := s.within(f, cell); from < to {
			return true
		}
	}
	return false
}

// salvage copies the intact cells of a file, and writes its tail.
func (s *set) salvage(ctx context.Context, f *member, w io.WriterAt, progress func(int64)) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	for i, lost := range s.lost {
		from, to := s.within(f, i)
		if from >= to {
			continue
		}
		progress(to - from)
		for ; !lost && from < to; from += readBuffer {
			if err := ctx.Err(); err != nil {
				return err
			}
			p := (*buf)[:min(readBuffer, to-from)]
			if err := s.read(p, f.at+from); err != nil {
				return err
			}
			if _, err := w.WriteAt(p, from); err != nil {
				return err
			}
		}
	}
	_, err := w.WriteAt(f.tail, f.size)
	return err
}
