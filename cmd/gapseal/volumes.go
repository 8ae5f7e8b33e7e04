package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// volumesUsage explains --volumes of every command that reads volumes.
const volumesUsage = "also look for volumes in this `DIR` (repeatable)"

// cutting is what export is asked about volumes and recovery.
type cutting struct {
	volumeSize string
	percent    int
	each       int64 // bytes of a volume; 0 for one file
}

func (c *cutting) declare(fs *pflag.FlagSet) {
	fs.StringVar(&c.volumeSize, "volume-size", "", "cut the bundle into volumes of `SIZE`, such as 650MiB or 4.7GB, or for a medium: fat32, cd, dvd, dvd-dl, bd")
	fs.IntVar(&c.percent, "recovery", 0, "add recovery volumes, from which gapseal repair rebuilds up to `PERCENT` of the bundle (1 to 100)")
}

func (c *cutting) wanted() bool { return c.each > 0 || c.percent > 0 }

// parse reads the flags. A pipe has no volumes.
func (c *cutting) parse(output string) (err error) {
	if c.volumeSize != "" {
		if c.each, err = volume.ParseSize(c.volumeSize); err != nil {
			return usagef("--volume-size %v", err)
		}
	}
	switch {
	case c.percent < 0 || c.percent > 100:
		return usagef("--recovery %d: want a number from 1 to 100, the share of the bundle that may be lost", c.percent)
	case output == "-" && c.wanted():
		return usagef("volumes and recovery volumes cannot go through a pipe: name a file with -o")
	}
	return nil
}

// verifyVolume checks one volume against the index alone, before the others
// arrive.
func verifyVolume(ctx context.Context, path, index string, std stdio) error {
	if !volume.IsIndex(index) {
		return usagef("--volume FILE takes the index of volumes with it:\n  gapseal verify --volume %s NAME.volumes.json", path)
	}
	if _, n := volume.Number(path); n == 0 {
		return usagef("--volume %s: the name of a volume ends in its number, such as .002", path)
	}
	const noVerdict = "This says nothing of the bundle: only gapseal verify of all volumes does."
	x, err := volume.ReadIndex(index)
	if bad := (*volume.IndexError)(nil); errors.As(err, &bad) {
		err = &check.Fault{ID: check.MediaIndex, Subject: bad.Path, Detail: "the index of volumes " + bad.Reason}
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, noVerdict)
	}
	bar := term.New(std.err, "checking", 0)
	v, err := volume.CheckOne(ctx, path, x, bar.Add)
	bar.Done(false)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, noVerdict)
	}
	_, err = fmt.Fprintf(std.out, "volume %d of %d (%s) arrived as the index lists it: %s\n%s\n%s\n", v.Number, len(x.Volumes), term.Bytes(v.Size), term.Escape(filepath.Base(path)), v.Digest, noVerdict)
	return err
}

// work is how many bytes are read beside the content, to be told as progress.
func (c *cutting) work(size int64) int64 {
	if !c.wanted() {
		return 0
	}
	n := size
	if g, err := recovery.Plan(size, c.percent); err == nil {
		n += g.Block() * int64(g.Data)
	}
	return n
}

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
