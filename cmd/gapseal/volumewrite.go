package main

import (
	"context"
	"os"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// write writes a plan as volumes, and parity for them.
func (c *cutting) write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, base volume.Base, jobs int, tell func(int64)) error {
	s := &files{base: base}
	defer s.abort()
	data, x, err := c.create(s, plan.Size)
	if err != nil {
		return err
	}
	if err := plan.WriteFile(ctx, volume.NewSpan(data), fetch, jobs, tell); err != nil {
		return err
	}
	index, err := volume.Describe(ctx, data, tell)
	if err != nil {
		return err
	}
	if x != nil {
		if index.Recovery, err = c.protect(ctx, s, x, data, index.Whole.Digest, tell); err != nil {
			return err
		}
	}
	if c.each > 0 {
		raw, err := index.Marshal()
		if err != nil {
			return err
		}
		if err := s.document(base.Index(), raw); err != nil {
			return err
		}
	}
	return s.commit(base.Index(), base.RecoveryIndex())
}

// create opens the data volumes, or the one file, and lays out recovery.
func (c *cutting) create(s *files, size int64) (data []volume.File, x *recovery.Index, err error) {
	sizes, name := []int64{size}, func(int) string { return string(s.base) }
	if c.each > 0 {
		if sizes, err = volume.Split(size, c.each); err != nil {
			return nil, nil, usagef("--volume-size: %v", err)
		}
		name = s.base.Volume
	}
	recoveries := []int64{}
	if c.percent > 0 {
		if x, recoveries, err = recovery.Layout(size, c.percent, c.each); err != nil {
			return nil, nil, usagef("--recovery: %v", err)
		}
	}
	old := s.base.Index()
	if c.each > 0 {
		old = s.base.Volume(len(sizes) + 1)
	}
	if err := stale(old, s.base.Recovery(len(recoveries)+1)); err != nil {
		return nil, nil, err
	}
	for i, n := range sizes {
		f, err := s.create(name(i+1), n)
		if err != nil {
			return nil, nil, err
		}
		data = append(data, f)
	}
	return data, x, nil
}

// stale refuses to leave files of an earlier and longer set behind the new
// ones, where they would be read as belonging to them.
func stale(names ...string) error {
	for _, name := range names {
		if _, err := os.Lstat(name); err == nil {
			return usagef("%s is there from an earlier export and would be taken for a part of this one; remove the files of that export first", name)
		}
	}
	return nil
}

// protect writes the recovery volumes and their index.
func (c *cutting) protect(ctx context.Context, s *files, x *recovery.Index, data []volume.File, whole oci.Digest, tell func(int64)) (*volume.Recovery, error) {
	set, err := recovery.NewSet(x, s.base)
	if err != nil {
		return nil, err
	}
	var parity []volume.File
	for _, f := range set.Files[len(set.Data()):] {
		out, err := s.create(f.Name, f.Size)
		if err != nil {
			return nil, err
		}
		parity = append(parity, out)
	}
	x.Whole.Digest = whole
	if err := x.Encode(ctx, volume.NewSpan(data), volume.NewSpan(parity), tell); err != nil {
		return nil, err
	}
	raw, err := x.Marshal()
	if err != nil {
		return nil, err
	}
	if set, err = recovery.NewSet(x, s.base); err != nil { // its tails now have the digests
		return nil, err
	}
	for i, f := range set.Files[len(set.Data()):] {
		if _, err := parity[i].WriteAt(f.Tail, f.Size); err != nil {
			return nil, err
		}
	}
	return &volume.Recovery{Digest: oci.FromBytes(raw), Data: x.Data, Parity: x.Parity}, s.document(s.base.RecoveryIndex(), raw)
}
