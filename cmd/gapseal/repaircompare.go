package main

import (
	"context"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

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

// indexes writes the indexes that were missing or damaged.
func (r *repairing) indexes(s *files, dir string) error {
	for _, name := range slices.Sorted(maps.Keys(r.documents)) {
		path := filepath.Join(dir, name)
		if err := absent(path); err != nil {
			return err
		}
		if err := s.document(path, r.documents[name]); err != nil {
			return err
		}
	}
	return nil
}
