package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/internal/progress"
	"github.com/gapseal/gapseal/verify/report"
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
	bar := progress.New(std.err, "checking", 0)
	v, err := volume.CheckOne(ctx, path, x, bar.Add)
	bar.Done(false)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, noVerdict)
	}
	_, err = fmt.Fprintf(std.out, "volume %d of %d (%s) arrived as the index lists it: %s\n%s\n%s\n", v.Number, len(x.Volumes), report.Bytes(v.Size), report.Terminal(filepath.Base(path)), v.Digest, noVerdict)
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
