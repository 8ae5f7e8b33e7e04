package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/internal/progress"
	"github.com/gapseal/gapseal/oci"
)

// rebuild writes the bad files and indexes into dir and returns their names.
func (r *repairing) rebuild(ctx context.Context, bad []*recovery.File, dir string, w *os.File) ([]string, error) {
	made, err := makeDir(dir)
	if err != nil {
		return nil, err
	}
	s := &files{base: r.base.In(dir)}
	err = r.fill(ctx, s, bad, dir, w)
	if err == nil {
		err = s.commit()
	}
	s.abort()
	if err != nil && made {
		_ = os.Remove(dir)
	}
	return s.to, err
}

// makeDir makes the folder, and reports whether it was not there before.
func makeDir(dir string) (made bool, err error) {
	err = os.Mkdir(dir, 0o777)
	if errors.Is(err, os.ErrExist) {
		return false, nil
	}
	return err == nil, err
}

func (r *repairing) fill(ctx context.Context, s *files, bad []*recovery.File, dir string, w *os.File) error {
	out := map[*recovery.File]recovery.Output{}
	for _, f := range bad {
		file, err := r.create(s, filepath.Join(dir, filepath.Base(f.Name)), f.Full())
		if err != nil {
			return err
		}
		out[f] = file
	}
	bar := progress.New(w, "rebuilding", r.set.Work(bad))
	err := r.set.Rebuild(ctx, out, bar.Add)
	bar.Done(false)
	if err != nil {
		return err
	}
	if err := r.compare(ctx, bad); err != nil {
		return err
	}
	return r.indexes(s, dir)
}

// create opens a file that is not there yet: nothing is written over.
func (r *repairing) create(s *files, name string, size int64) (volume.File, error) {
	if _, err := os.Lstat(name); err == nil {
		return volume.File{}, usagef("%s is there already, and repair writes over nothing; name another folder with -o", name)
	}
	return s.create(name, size)
}

// compare holds what was rebuilt against the index of volumes; without one,
// the bundle as a whole against the index of recovery blocks.
func (r *repairing) compare(ctx context.Context, bad []*recovery.File) error {
	data := r.set.Data()
	var all []volume.File
	for _, f := range data {
		all = append(all, volume.File{ReaderAt: f.In, Size: f.Size})
	}
	if r.volumes == nil {
		x, err := volume.Describe(ctx, all, nil)
		if err != nil {
			return err
		}
		if x.Whole != r.set.Index.Whole {
			return mismatch(string(r.base), r.set.Index.Whole.Digest, x.Whole.Digest)
		}
		return r.describe(x)
	}
	for i, f := range data {
		if !slices.Contains(bad, f) {
			continue
		}
		d, err := volume.Hash(ctx, f.In, f.Size, nil)
		if err != nil {
			return err
		}
		if want := r.volumes.Volumes[i].Digest; d != want {
			return mismatch(f.Name, want, d)
		}
	}
	return nil
}

func mismatch(name string, want, got oci.Digest) error {
	return &check.Fault{ID: check.MediaRecovery, Subject: filepath.Base(name), Detail: "what was rebuilt is not what the index says; one of the indexes was changed", Expected: string(want), Found: string(got)}
}

// describe makes the index of volumes anew, if it is to be.
func (r *repairing) describe(x *volume.Index) error {
	name := filepath.Base(r.base.Index())
	if _, missing := r.documents[name]; !missing {
		return nil
	}
	raw, err := r.set.Index.Marshal()
	if err != nil {
		return err
	}
	x.Recovery = &volume.Recovery{Digest: oci.FromBytes(raw), Data: r.set.Index.Data, Parity: r.set.Index.Parity}
	r.documents[name], err = x.Marshal()
	return err
}

func (r *repairing) indexes(s *files, dir string) error {
	for name, raw := range r.documents {
		path := filepath.Join(dir, name)
		f, err := r.create(s, path, int64(len(raw)))
		if err != nil {
			return err
		}
		if _, err := f.WriteAt(raw, 0); err != nil {
			return err
		}
	}
	return nil
}

// wanted is the digest of the index of recovery blocks that the index of
// volumes names.
func (r *repairing) wanted() oci.Digest {
	if r.volumes == nil || r.volumes.Recovery == nil {
		return ""
	}
	return r.volumes.Recovery.Digest
}

func joined(dirs volume.Folders) string { return strings.Join(dirs, ", ") }

// remedy is what the table of checks says to do.
func remedy(id check.ID) string {
	q, _ := check.Lookup(id)
	if q.Remedy == "" {
		return ""
	}
	return strings.ToUpper(q.Remedy[:1]) + q.Remedy[1:]
}
