package volume

import (
	"io"
	"sort"
)

// File is one part of a [Span]. Either side may be nil if it is never used.
type File struct {
	io.ReaderAt
	io.WriterAt
	Size int64
}

// Span is files laid end to end, read and written as one. It is safe for
// concurrent use if its files are.
type Span struct {
	files []File
	ends  []int64 // where each ends
}

// NewSpan lays files end to end.
func NewSpan(files []File) *Span {
	s := &Span{files: files}
	for _, f := range files {
		s.ends = append(s.ends, s.Size()+f.Size)
	}
	return s
}

// Size is the sum of the sizes, in bytes.
func (s *Span) Size() int64 {
	if len(s.ends) == 0 {
		return 0
	}
	return s.ends[len(s.ends)-1]
}

// ReadAt reads across the files as [io.ReaderAt] does across one.
func (s *Span) ReadAt(p []byte, off int64) (int, error) {
	return s.each(p, off, func(f File, p []byte, at int64) (int, error) {
		n, err := f.ReaderAt.ReadAt(p, at)
		if n == len(p) {
			err = nil
		}
		return n, err
	})
}

// WriteAt writes across the files; past the last it is [io.ErrShortWrite].
func (s *Span) WriteAt(p []byte, off int64) (int, error) {
	n, err := s.each(p, off, func(f File, p []byte, at int64) (int, error) { return f.WriterAt.WriteAt(p, at) })
	if err == io.EOF {
		err = io.ErrShortWrite
	}
	return n, err
}

// each calls do for the part of p that lies in each file; io.EOF says that the
// last file ended before p did.
func (s *Span) each(p []byte, off int64, do func(f File, p []byte, at int64) (int, error)) (done int, err error) {
	for i := sort.Search(len(s.ends), func(i int) bool { return s.ends[i] > off }); i < len(s.files) && len(p) > 0; i++ {
		at := off - (s.ends[i] - s.files[i].Size)
		part := p[:min(int64(len(p)), s.ends[i]-off)]
		n, err := do(s.files[i], part, at)
		done += n
		if err != nil {
			return done, err
		}
		p, off = p[n:], off+int64(n)
	}
	if len(p) > 0 {
		return done, io.EOF
	}
	return done, nil
}
