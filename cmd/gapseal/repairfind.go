package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/check"
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
	innocent  map[*recovery.File]bool // whole, although a cell that they share is lost
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

// readVolumes reads the index of volumes, if there is one.
func (r *repairing) readVolumes() error {
	paths := r.dirs.Paths(r.base.Index())
	if len(paths) == 0 {
		return nil
	}
	x, err := volume.ReadIndex(paths[0])
	if bad := (*volume.IndexError)(nil); errors.As(err, &bad) {
		r.notes = append(r.notes, bad.Error())
		return nil
	}
	r.volumes = x
	return err
}

// readRecovery chooses between the index of recovery blocks and its copies.
func (r *repairing) readRecovery() error {
	var file []byte
	for _, p := range r.dirs.Paths(r.base.RecoveryIndex()) {
		raw, err := readUpTo(p, recovery.MaxIndex)
		if err != nil {
			return err
		}
		file = raw
		break
	}
	copies, err := r.copies()
	if err != nil {
		return err
	}
	var want = r.wanted()
	x, raw, err := recovery.Choose(file, copies, want)
	if err != nil {
		return &check.Fault{ID: check.MediaRecovery, Subject: filepath.Base(r.base.RecoveryIndex()), Detail: fmt.Sprintf("%v; looked in %s", err, joined(r.dirs))}
	}
	if string(raw) != string(file) {
		r.notes = append(r.notes, filepath.Base(r.base.RecoveryIndex())+" is missing or damaged; a copy in a recovery volume was used")
		r.documents[filepath.Base(r.base.RecoveryIndex())] = raw
	}
	if r.volumes != nil && (r.volumes.Whole != x.Whole || r.volumes.Volumes[0].Size != min(x.Volume, x.Whole.Size)) {
		return &check.Fault{ID: check.MediaForeign, Subject: filepath.Base(r.base.RecoveryIndex()), Detail: "the recovery volumes are of another bundle than the index of volumes", Expected: string(r.volumes.Whole.Digest), Found: string(x.Whole.Digest)}
	}
	if r.volumes == nil && x.Volume > 0 {
		r.documents[filepath.Base(r.base.Index())] = nil
	}
	r.set, err = recovery.NewSet(x, r.base)
	return err
}

// copies reads the copy of the index at the end of each recovery volume.
func (r *repairing) copies() (list [][]byte, err error) {
	for n := 1; n <= volume.MaxVolumes; n++ {
		for _, p := range r.dirs.Paths(r.base.Recovery(n)) {
			f, size, err := r.openFile(p)
			if err != nil {
				return nil, err
			}
			list = append(list, recovery.Copy(f, size))
		}
	}
	return list, nil
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

// attach opens every file of the set that is there; of several, one that has
// the right size.
func (r *repairing) attach() error {
	for _, f := range r.set.Files {
		for _, p := range r.dirs.Paths(f.Name) {
			file, size, err := r.openFile(p)
			if err != nil {
				return err
			}
			if f.In == nil || f.Found != f.Full() && size == f.Full() {
				f.In, f.Found = file, size
			}
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

func readUpTo(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max+1))
}
