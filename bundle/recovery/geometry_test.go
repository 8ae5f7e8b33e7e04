package recovery_test

import (
	"testing"

	"github.com/gapseal/gapseal/bundle/recovery"
)

func TestPlanKeepsItsBounds(t *testing.T) {
	for _, size := range []int64{1, 2, 4095, 4096, 4097, 30_000, 1 << 20, 15_000_001, 15_100_000, 1 << 30, 4_700_372_992, 1 << 40, 1 << 50} {
		for percent := 1; percent <= 100; percent++ {
			g, err := recovery.Plan(size, percent)
			if err != nil {
				t.Fatal(err)
			}
			if g.Blocks() > 256 || g.Block()*int64(g.Data) < size || g.Block()*int64(g.Data-1) >= size || g.Columns > 16 {
				t.Errorf("%d bytes, %d percent: %+v", size, percent, g)
			}
			// A run of the share, wherever it begins, touches no more blocks than
			// there are of parity.
			if run := (size*int64(percent) + 99) / 100; size < 1<<50 && (run+g.Block()-2)/g.Block()+1 > int64(g.Parity) {
				t.Errorf("%d bytes, %d percent: a run of %d bytes may touch more than %d blocks of %d", size, percent, run, g.Parity, g.Block())
			}
		}
	}
	for _, bad := range [][2]int64{{0, 10}, {-1, 10}, {1<<50 + 1, 10}, {100, 0}, {100, 101}} {
		if _, err := recovery.Plan(bad[0], int(bad[1])); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
