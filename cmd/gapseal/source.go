package main

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
)

// bundleSource is a bundle file or a pipe.
type bundleSource struct {
	*os.File
	size   int64 // 0 for a pipe
	stream bool
	sum    hash.Hash // of a pipe's bytes, if asked for
}

func openBundle(path string, io stdio) (*bundleSource, error) {
	if isURL(path) {
		return nil, usagef("%s: verify never uses a network; pass a file", hideUser(path))
	}
	f, err := openInput(path, io)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	if info.IsDir() {
		f.Close()
		return nil, usagef("%s is a directory; gapseal reads the bundle file itself, not what was unpacked from it", path)
	}
	src := &bundleSource{File: f, size: info.Size(), stream: path == "-" || !info.Mode().IsRegular()}
	if src.stream {
		src.size = 0
	}
	return src, nil
}

func openInput(path string, io stdio) (*os.File, error) {
	if path != "-" {
		return os.Open(path)
	}
	if isTerminal(io.in) {
		return nil, usagef("the bundle would be read from the terminal; redirect standard input, or name a file")
	}
	return io.in, nil
}

func (s *bundleSource) tee() { s.sum = sha256.New() }

func (s *bundleSource) open(lim oci.Limits) (*bundle.Reader, error) {
	if !s.stream {
		return bundle.Open(s.File, s.size, lim)
	}
	var r io.Reader = s.File
	if s.sum != nil {
		r = io.TeeReader(r, s.sum)
	}
	return bundle.OpenStream(r, lim)
}

// digest hashes the whole file, once more than verification needs.
func (s *bundleSource) digest() (string, error) {
	var rest io.Reader = io.NewSectionReader(s.File, 0, s.size)
	if s.stream {
		rest = s.File
	}
	if _, err := io.Copy(s.sum, rest); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return string(oci.FromSum([sha256.Size]byte(s.sum.Sum(nil)))), nil
}
