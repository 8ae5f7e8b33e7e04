package main

import (
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
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
func openBundle(path string, io stdio, dirs ...string) (*bundleSource, error) {
	if isURL(path) {
		return nil, usagef("%s: verify never uses a network; pass a file", hideUser(path))
	}
	if err := misnamed(path); err != nil {
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
	return openFile(path, io)
}

// misnamed tells who names one file of several which one to name.
func misnamed(path string) error {
	base, n := volume.Number(path)
	first := volume.Bases(path)[0]
	switch {
	case volume.IsRecovery(path):
		return usagef("%s serves to repair a bundle and is none; name the index of volumes, such as %s, or the bundle", path, first.Index())
	case n > 1 && exists(base.Volume(1), base.Index()):
		return usagef("%s is volume %d of several; name their index, %s, or the first volume, %s. One alone is checked with --volume", path, n, base.Index(), base.Volume(1))
	case n == 0 && !exists(path) && exists(volume.Base(path).Index()):
		return usagef("there is no %s; the bundle came in volumes: name their index, %s", path, volume.Base(path).Index())
	}
	return nil
}

// setFiles lists the files of the set of volumes that a name belongs to, in its
// folder and in dirs; none for a bundle in one file.
func setFiles(path string, dirs []string) (list []string) {
	if !volume.IsSet(path) {
		return nil
	}
	for _, base := range volume.Bases(path) {
		for _, dir := range append([]string{filepath.Dir(path)}, dirs...) {
			b := base.In(dir)
			list = append(list, b.Index(), b.RecoveryIndex())
			for n := 1; exists(b.Volume(n)); n++ {
				list = append(list, b.Volume(n))
			}
			for n := 1; exists(b.Recovery(n)); n++ {
				list = append(list, b.Recovery(n))
			}
		}
	}
	return list
}

// volumeFiles lists the volumes for the report, hashed only if that was asked
// for: it reads each of them once more.
func (s *bundleSource) volumeFiles(hashed bool) ([]verify.Volume, error) {
	list := []verify.Volume{}
	if s.volumes == nil {
		return list, nil
	}
	for _, p := range s.volumes.Found {
		v := verify.Volume{Name: filepath.Base(p.Path), Size: p.Size}
		if hashed {
			d, err := hashFile(p.Path)
			if err != nil {
				return nil, err
			}
			v.Digest = d
		}
		list = append(list, v)
	}
	return list, nil
}

func openFile(path string, io stdio) (*bundleSource, error) {
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

// Close closes whatever was opened.
func (s *bundleSource) Close() error {
	if s.volumes != nil {
		return s.volumes.Close()
	}
	return s.File.Close()
}

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
	if _, err := io.Copy(s.sum, rest); err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	return string(oci.FromSum([sha256.Size]byte(s.sum.Sum(nil)))), nil
}
