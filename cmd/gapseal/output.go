package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/atomicfile"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/trust"
)

// keepApart refuses to write over what is read, and into a register, where each
// file vouches for the one before.
func keepApart(output string, inputs []string) error {
	if output == "" || output == "-" {
		return nil
	}
	if folder := target(output); register.Begun(folder) {
		return inRegister(output)
	}
	out, err := os.Stat(output)
	if err != nil {
		return nil // nothing is there to be lost
	}
	for _, path := range inputs {
		if in, err := os.Stat(path); err == nil && os.SameFile(in, out) {
			return usagef("%s is read by this very command and would be overwritten; write to another file", output)
		}
	}
	return nil
}

// outside refuses to write into the register in dir, be it empty.
func outside(output, dir string) error {
	if output == "" {
		return nil
	}
	a, erra := os.Stat(target(output))
	b, errb := os.Stat(dir)
	if erra == nil && errb == nil && os.SameFile(a, b) {
		return inRegister(output)
	}
	return nil
}

func inRegister(output string) error {
	return usagef("%s is in a register, where nothing but its entries belongs; write elsewhere", output)
}

// target is the folder that a file is written to: a link is followed, as by the
// write itself.
func target(output string) string {
	if path, err := filepath.EvalSymlinks(output); err == nil {
		output = path
	}
	return filepath.Dir(output)
}

// anew refuses a file that is there already, where losing it would lose what it
// proves; what says why.
func anew(output, what string) error {
	if _, err := os.Lstat(output); err == nil {
		return usagef("%s is there already, and %s; name a new file", output, what)
	}
	return nil
}

// keyFiles are the files that keys were read from.
func keyFiles(keys []*trust.Key) (list []string) {
	for _, k := range keys {
		if k.Path != "" {
			list = append(list, k.Path)
		}
	}
	return list
}

// writeWhole writes a file that gets its name only when all of it is there.
func writeWhole(path string, content []byte) error {
	return writeFile(path, func(f *atomicfile.File) error {
		_, err := f.Write(content)
		return err
	})
}

// writeFile is writeWhole for what fill writes.
func writeFile(path string, fill func(*atomicfile.File) error) error {
	f, err := atomicfile.Create(path)
	if err != nil {
		return err
	}
	defer f.Abort()
	if err := fill(f); err != nil {
		return err
	}
	return f.Commit()
}

// files are the files of one set, none of which gets its name before all are
// complete.
type files struct {
	base volume.Base
	all  []*atomicfile.File
	to   []string // their names
	done int      // how many have theirs
}

// create adds a file of size bytes, to be written to.
func (s *files) create(name string, size int64) (volume.File, error) {
	f, err := atomicfile.Create(name)
	if err != nil {
		return volume.File{}, err
	}
	s.all, s.to = append(s.all, f), append(s.to, name)
	return volume.File{ReaderAt: f, WriterAt: f, Size: size}, nil
}

// document adds a file with all of its content.
func (s *files) document(name string, raw []byte) error {
	f, err := s.create(name, int64(len(raw)))
	if err != nil {
		return err
	}
	_, err = f.WriteAt(raw, 0)
	return err
}

// commit gives all files their names, once all are on the disk, so that little
// can fail from then on. Indexes of older volumes (old) go first: they would
// speak of what is not there any more.
func (s *files) commit(old ...string) error {
	for i, f := range s.all {
		if err := f.Sync(); err != nil {
			return fmt.Errorf("flush %s to the disk: %w", s.to[i], err)
		}
	}
	for _, name := range old {
		if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	for _, f := range s.all {
		if err := f.Commit(); err != nil {
			return err
		}
		s.done++
	}
	return nil
}

// abort leaves nothing, neither parts of files nor a part of the set.
func (s *files) abort() {
	for _, f := range s.all {
		_ = f.Abort()
	}
	if s.done < len(s.all) {
		for _, name := range s.to[:s.done] {
			_ = os.Remove(name)
		}
	}
}
