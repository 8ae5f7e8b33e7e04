package bundle

import (
	"errors"
	"io"
)

// An input is read forward once. A file can also be skipped over, and its
// content blobs are then hashed by several readers at once.
type input struct {
	r    io.Reader
	file io.ReaderAt // nil for a pipe
	size int64       // of the file
	pos  int64
}

func (in *input) Read(p []byte) (int, error) {
	n, err := in.r.Read(p)
	in.pos += int64(n)
	return n, err
}

// skip moves on by n bytes; only a file can.
func (in *input) skip(n int64) { in.pos += n }

// fileReader reads a file at the input's position, so that skipping costs no
// reading.
type fileReader struct{ in *input }

func (f fileReader) Read(p []byte) (int, error) { return f.in.file.ReadAt(p, f.in.pos) }

// full fills p. A file that ends first is reported as truncated, any other
// error is the operating system's.
func (in *input) full(p []byte) (n int, truncated bool, err error) {
	n, err = io.ReadFull(in, p)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return n, true, nil
	}
	return n, false, err
}
