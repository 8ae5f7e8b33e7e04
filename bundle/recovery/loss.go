package recovery

import (
	"bytes"
	"fmt"
	"io"

	"github.com/gapseal/gapseal/verify/check"
)

func (s *Set) bytesLost(f *File) (n int64) {
	for _, g := range s.Lost(f) {
		n += g.To - g.From
	}
	return n
}

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
	worst := 0
	for column := range s.g.Columns {
		n := 0
		for block := range s.g.Blocks() {
			if s.lost[block*s.g.Columns+column] {
				n++
			}
		}
		worst = max(worst, n)
	}
	if worst <= s.g.Parity {
		return nil
	}
	return &check.Fault{ID: check.MediaRecovery, Detail: fmt.Sprintf("of %d blocks more are lost than can be rebuilt", s.g.Blocks()),
		Expected: fmt.Sprintf("at most %d blocks lost", s.g.Parity), Found: fmt.Sprintf("%d lost", worst)}
}
