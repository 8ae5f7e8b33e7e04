package recovery

import (
	"context"
	"io"

	"github.com/gapseal/gapseal/verify/check"
)

// Output is a file that is rebuilt: what is written to it is read back.
type Output interface {
	io.ReaderAt
	io.WriterAt
}

// Rebuild writes files anew after a [Set.Scan], each to its output: what is
// left of it is copied, and what is lost is computed. Then everything written
// is read back and held against the index. A [check.Fault] says that it cannot
// be done. progress is told bytes, of [Set.Work] in all.
func (s *Set) Rebuild(ctx context.Context, out map[*File]Output, progress func(int64)) error {
	if f := s.Beyond(); f != nil {
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
		f.In, f.Found = w, f.Full()
	}
	if err := s.scan(ctx, func(cell int) bool { return s.touches(out, cell) }, progress); err != nil {
		return err
	}
	for i, lost := range s.lost {
		if lost && s.touches(out, i) {
			return &check.Fault{ID: check.MediaRecovery, Detail: "what was rebuilt is not what the index of recovery blocks says: the index was changed, or a medium does not read twice the same"}
		}
	}
	return nil
}

// Work is how many bytes [Set.Rebuild] tells for these files.
func (s *Set) Work(files []*File) (n int64) {
	for _, f := range files {
		n += f.Size
	}
	for column := range s.g.Columns {
		if s.anyLost(column) {
			n += s.g.Cell * int64(s.g.Data)
		}
	}
	return n + s.Span()
}

func (s *Set) touches(out map[*File]Output, cell int) bool {
	for f := range out {
		if from, to := s.within(f, cell); from < to {
			return true
		}
	}
	return false
}

// salvage copies the cells of a file that are not lost, and writes its tail.
func (s *Set) salvage(ctx context.Context, f *File, w io.WriterAt, progress func(int64)) error {
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
	_, err := w.WriteAt(f.Tail, f.Size)
	return err
}
