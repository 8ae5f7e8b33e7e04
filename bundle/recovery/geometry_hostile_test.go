package recovery_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

// TestGeometryThatCostsWithoutEnd: an index of a few kilobytes must not ask for
// work or room out of all proportion to the bundle: padding of petabytes to be
// hashed, or parity of a hundred times the bundle to be rebuilt.
func TestGeometryThatCostsWithoutEnd(t *testing.T) {
	const whole = 1 << 50
	for name, c := range map[string]struct {
		g    recovery.Geometry
		says string
	}{
		"padding": {recovery.Geometry{Size: whole, Cell: (whole - 16*512) / 16 / 512 * 512, Columns: 16, Data: 2, Parity: 1}, "padding"},
		"parity":  {recovery.Geometry{Size: 1 << 20, Cell: 1 << 20, Columns: 1, Data: 1, Parity: 255}, "parity"},
	} {
		x := &recovery.Index{Schema: recovery.Schema, Whole: volume.Whole{Size: c.g.Size, Digest: oci.EmptyDigest}, Recovery: c.g.ParitySize(),
			Cell: c.g.Cell, Columns: c.g.Columns, Data: c.g.Data, Parity: c.g.Parity}
		for range c.g.Blocks() * c.g.Columns {
			x.Cells = append(x.Cells, oci.EmptyDigest)
		}
		raw, err := x.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := recovery.Parse(raw); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryPlanIsWithinItsBounds: what export lays out is what repair takes.
func TestEveryPlanIsWithinItsBounds(t *testing.T) {
	for _, size := range []int64{1, 511, 512, 4096, 4097, 65535, 1 << 20, 1<<20 + 1, 123456789, 1<<32 - 1, 1<<40 + 7, 1<<50 - 1, 1 << 50} {
		for percent := 1; percent <= 100; percent++ {
			x, _, err := recovery.Layout(size, percent, 0)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := x.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := recovery.Parse(raw); err != nil {
				t.Errorf("%d percent of %d bytes: %v", percent, size, err)
			}
		}
	}
}
