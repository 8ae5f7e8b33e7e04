package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/term"
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

func (c *cutting) declare(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&c.volumeSize, "volume-size", "", "cut the bundle into volumes of `SIZE`, such as 650MiB or 4.7GB, or for a medium: fat32, cd, dvd, dvd-dl, bd")
	fs.IntVar(&c.percent, "recovery", 0, "add recovery volumes, from which gapseal repair rebuilds up to `PERCENT` of the bundle (1 to 100)")
	var media []string
	for _, m := range volume.Media() {
		media = append(media, m.Name)
	}
	completes(cmd, "volume-size", words(media...))
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
	const noVerdict = "This is no verdict on the bundle: only gapseal verify of all volumes gives one."
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

// write writes a plan as volumes, or as one file with recovery volumes.
func (c *cutting) write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, base volume.Base, jobs int, progress func(int64)) error {
	t := volume.Target{Base: base, Each: c.each, Workers: jobs, Progress: progress}
	err := recovery.Write(ctx, plan, fetch, t, c.percent)
	if errors.As(err, new(*volume.SizeError)) {
		return usagef("--volume-size: %v", err)
	}
	return stale(err)
}

// stale makes a file of an earlier export a usage error.
func stale(err error) error {
	if errors.As(err, new(*volume.StaleError)) {
		return usagef("%v", err)
	}
	return err
}

// work returns how many bytes writing a plan reports as progress.
func (c *cutting) work(plan *bundle.Plan) int64 {
	if !c.wanted() {
		return plan.ContentSize()
	}
	return recovery.Work(plan, volume.Target{}, c.percent)
}
