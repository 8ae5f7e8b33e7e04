package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
)

// cutting holds the flags that cut a bundle into volumes and protect it.
type cutting struct {
	volumeSize string
	percent    int
	each       int64 // bytes of a volume; 0 for one file
}

func (c *cutting) declare(cmd *cobra.Command) {
	var media []string
	for _, m := range volume.Media() {
		media = append(media, m.Name)
	}
	fs := cmd.Flags()
	fs.StringVar(&c.volumeSize, "volume-size", "", "cut the bundle into volumes of `SIZE`, such as 650MiB or 4.7GB, "+
		"or for a medium: "+strings.Join(media, ", "))
	fs.IntVar(&c.percent, "recovery", 0,
		"add recovery volumes, from which gapseal repair rebuilds up to `PERCENT` of the bundle (1 to 100)")
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

// names returns the first file that export writes for base, and the files beside it
// that verify would read with it or in its place, if they exist.
func (c *cutting) names(base volume.Base) (first string, beside []string) {
	first = string(base)
	beside = []string{base.Volume(1), base.Index()}
	if c.each > 0 {
		first = base.Volume(1)
		beside = []string{string(base)}
	}
	if c.percent == 0 {
		beside = append(beside, base.Recovery(1), base.RecoveryIndex())
	}
	return first, beside
}

// write writes a plan as volumes, or as one file with recovery volumes.
func (c *cutting) write(ctx context.Context, plan *bundle.Plan, fetch bundle.Fetch, t volume.Target) error {
	err := recovery.Write(ctx, plan, fetch, t, c.percent)
	if errors.As(err, new(*volume.SizeError)) {
		return usagef("--volume-size: %v", err)
	}
	return usageIfStale(err)
}

// work returns how many bytes writing a plan reports as progress.
func (c *cutting) work(plan *bundle.Plan) int64 {
	if !c.wanted() {
		return plan.ContentSize()
	}
	return recovery.Work(plan, volume.Target{}, c.percent)
}

// usageIfStale makes the error about a file of an earlier export a usage error, and
// returns any other error as it is.
func usageIfStale(err error) error {
	if errors.As(err, new(*volume.StaleError)) {
		return usagef("%v", err)
	}
	return err
}
