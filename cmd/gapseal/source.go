package main

import (
	"crypto/sha256"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// bundleSource is a bundle file, a pipe, or a set of volumes.
type bundleSource struct {
	*os.File             // nil for volumes
	volumes  *volume.Set // nil for anything else
	size     int64       // 0 for a pipe
	stream   bool
	sum      hash.Hash // of a pipe's bytes, if asked for
}

// openBundle opens what a command was given as a bundle; volumes are looked
// for beside it and in dirs.
func openBundle(path string, std stdio, dirs ...string) (*bundleSource, error) {
	if isURL(path) {
		return nil, usagef("%s: verify never uses a network; pass a file", hideUser(path))
	}
	if err := misnamed(path); err != nil {
		return nil, err
	}
	if err := folders(dirs); err != nil {
		return nil, err
	}
	if volume.IsSet(path) {
		set, err := volume.Find(path, dirs)
		if err != nil {
			return nil, err
		}
		return &bundleSource{volumes: set, size: set.Content().Size()}, nil
	}
	if len(dirs) > 0 {
		return nil, usagef("--volumes says where volumes are, and %s is none; name their index, or the first of them", path)
	}
	return openFile(path, std)
}

func openFile(path string, std stdio) (*bundleSource, error) {
	f, err := openInput(path, std)
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
		return nil, usagef("%s is a directory; gapseal reads the bundle file itself, not what was unpacked from it%s", path, onlyTar(path))
	}
	src := &bundleSource{File: f, size: info.Size(), stream: path == "-" || !info.Mode().IsRegular()}
	if src.stream {
		src.size = 0
	}
	return src, nil
}

// onlyTar names the bundle in a folder, if there is one file that may be it.
func onlyTar(dir string) string {
	found, err := filepath.Glob(filepath.Join(dir, "*.tar"))
	if err != nil || len(found) != 1 {
		return ""
	}
	return ": name " + found[0]
}

func openInput(path string, std stdio) (*os.File, error) {
	if path != "-" {
		return os.Open(path)
	}
	if isTerminal(std.in) {
		return nil, usagef("the bundle would be read from the terminal; redirect standard input, or name a file")
	}
	return std.in, nil
}

// Close closes whatever was opened.
func (s *bundleSource) Close() error {
	if s.volumes != nil {
		return s.volumes.Close()
	}
	return s.File.Close()
}

// tee has digest asked for: what a pipe has given is gone by then.
func (s *bundleSource) tee() { s.sum = sha256.New() }

func (s *bundleSource) open(lim oci.Limits) (*bundle.Reader, error) {
	switch {
	case s.volumes != nil:
		return s.volumes.Bundle(lim)
	case !s.stream:
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
	var rest io.Reader
	switch {
	case s.volumes != nil:
		rest = io.NewSectionReader(s.volumes.Content(), 0, s.volumes.Content().Size())
	case s.stream:
		rest = s.File
	default:
		rest = io.NewSectionReader(s.File, 0, s.size)
	}
	if _, err := io.Copy(s.sum, rest); err != nil {
		return "", err
	}
	return string(oci.FromSum([sha256.Size]byte(s.sum.Sum(nil)))), nil
}
