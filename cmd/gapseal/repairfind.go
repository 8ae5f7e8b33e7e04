package main

import (
	"context"
	"os"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
)

// repairing is one repair.
type repairing struct {
	base      volume.Base
	dirs      volume.Folders
	volumes   *volume.Index // nil if there is none to go by
	set       *recovery.Set
	notes     []string
	documents map[string][]byte // indexes to be written anew, by name; nil for one that is still to be made
	open      []*os.File
	others    []other
	innocent  map[*recovery.File]bool // whole, although a cell that they share is lost
}

// other is a further copy of a file, from another folder.
type other struct {
	of   *recovery.File
	in   *os.File
	size int64
}

// findRepair finds the files of a set and the indexes to go by.
func findRepair(path string, dirs []string) (*repairing, error) {
	r := &repairing{documents: map[string][]byte{}, innocent: map[*recovery.File]bool{}}
	r.base, r.dirs = volume.Search(path, dirs)
	if err := r.readVolumes(); err != nil {
		return nil, err
	}
	err := r.readRecovery()
	if err == nil {
		err = r.attach()
	}
	if err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *repairing) openFile(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	r.open = append(r.open, f)
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// attach opens every file of the set that is there.
func (r *repairing) attach() error {
	for _, f := range r.set.Files {
		for _, p := range r.dirs.Paths(f.Name) {
			file, size, err := r.openFile(p)
			if err != nil {
				return err
			}
			if f.In != nil {
				r.others = append(r.others, other{f, file, size})
				continue
			}
			f.In, f.Found = file, size
		}
	}
	return nil
}

// acquit finds volumes that are whole although a cell is lost that they share
// with a neighbour.
func (r *repairing) acquit(ctx context.Context) error {
	if r.volumes == nil {
		return nil
	}
	for i, f := range r.set.Data() {
		if f.Fault() != "" || len(r.set.Lost(f)) == 0 {
			continue
		}
		d, err := volume.Hash(ctx, f.In, f.Size, nil)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.innocent[f] = err == nil && d == r.volumes.Volumes[i].Digest
	}
	return nil
}

func (r *repairing) lost(f *recovery.File) []recovery.Range {
	if r.innocent[f] {
		return nil
	}
	return r.set.Lost(f)
}

func (r *repairing) close() {
	for _, f := range r.open {
		f.Close()
	}
}
