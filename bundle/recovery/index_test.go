package recovery

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle/volume"
	"github.com/gapseal/gapseal/oci"
)

func TestGeometryIsWithinItsBounds(t *testing.T) {
	for _, size := range []int64{1, 2, 4095, 4096, 4097, 30_000, 1 << 20, 15_000_001, 15_100_000, 1 << 30,
		4_700_372_992, 1 << 40, 1 << 50} {
		for percent := 1; percent <= 100; percent++ {
			g, err := newGeometry(size, percent)
			if err != nil {
				t.Fatal(err)
			}
			if g.blocks() > 256 || g.block()*int64(g.Data) < size || g.block()*int64(g.Data-1) >= size ||
				g.Columns > 16 {
				t.Errorf("%d bytes, %d percent: %+v", size, percent, g)
			}
			// A run of that share, wherever it begins, touches no more blocks than
			// there are blocks of parity.
			if run := (size*int64(percent) + 99) / 100; size < 1<<50 &&
				(run+g.block()-2)/g.block()+1 > int64(g.Parity) {
				t.Errorf("%d bytes, %d percent: a run of %d bytes may touch more than %d blocks of %d", size, percent,
					run, g.Parity, g.block())
			}
		}
	}
	for _, bad := range [][2]int64{{0, 10}, {-1, 10}, {1<<50 + 1, 10}, {100, 0}, {100, 101}} {
		if _, err := newGeometry(bad[0], int(bad[1])); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

// TestGeometryOutOfProportion refuses an index of a few kilobytes that would cause
// work or take space out of proportion to the bundle: petabytes of padding to hash,
// or parity of a hundred times the bundle to rebuild.
func TestGeometryOutOfProportion(t *testing.T) {
	const whole = 1 << 50
	for name, c := range map[string]struct {
		g    geometry
		says string
	}{
		"padding": {geometry{Size: whole, Cell: (whole - 16*512) / 16 / 512 * 512, Columns: 16, Data: 2, Parity: 1},
			"padding"},
		"parity": {geometry{Size: 1 << 20, Cell: 1 << 20, Columns: 1, Data: 1, Parity: 255}, "parity"},
	} {
		x := &Index{
			Schema:   Schema,
			Whole:    volume.Whole{Size: c.g.Size, Digest: oci.EmptyDigest},
			Recovery: c.g.paritySize(),
			Cell:     c.g.Cell, Columns: c.g.Columns, Data: c.g.Data, Parity: c.g.Parity,
		}
		for range c.g.blocks() * c.g.Columns {
			x.Cells = append(x.Cells, oci.EmptyDigest)
		}
		raw, err := x.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(raw); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryPlanIsWithinItsBounds wants repair to accept whatever export plans.
func TestEveryPlanIsWithinItsBounds(t *testing.T) {
	for _, size := range []int64{1, 511, 512, 4096, 4097, 65535, 1 << 20, 1<<20 + 1, 123456789, 1<<32 - 1, 1<<40 + 7,
		1<<50 - 1, 1 << 50} {
		for percent := 1; percent <= 100; percent++ {
			if testing.Short() && percent%9 != 1 { // with the race detector, a sample
				continue
			}
			x, _, err := Plan(size, percent, 0)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := x.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse(raw); err != nil {
				t.Errorf("%d percent of %d bytes: %v", percent, size, err)
			}
		}
	}
}

// FuzzParseRecovery reads arbitrary bytes as an index, and scans its set with all
// files missing. Memory must stay bounded, and the index must be written back as the
// same bytes.
func FuzzParseRecovery(f *testing.F) {
	raw, err := protect(f, noise(40_000, 9), 20, 12_000).index.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(bytes.Replace(raw, []byte(`"cellSize":4096`), []byte(`"cellSize":1125899906842624`), 1))
	f.Add(bytes.Replace(raw, []byte(`"columns":1`), []byte(`"columns":2147483648`), 1))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		x, err := Parse(raw)
		if err != nil {
			return
		}
		if again, err := x.Marshal(); err != nil || !bytes.Equal(again, raw) {
			t.Error("a second form of an index is read")
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		set, err := newSet(x, "app.tar")
		if err != nil {
			t.Fatalf("parsed, and cannot be laid out: %v", err)
		}
		if err := set.scan(context.Background(), quiet); err != nil || set.beyond() == nil {
			t.Errorf("with nothing there: %v, beyond repair %v", err, set.beyond())
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 1100*MaxIndex {
			t.Errorf("%d bytes allocated for an index of %d", after.TotalAlloc-before.TotalAlloc, len(raw))
		}
	})
}

func TestRefusedIndexes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Index)
		says   string
	}{
		"schema":            {func(x *Index) { x.Schema = "" }, "schema"},
		"no size":           {func(x *Index) { x.Whole.Size = 0 }, "size of the whole"},
		"enormous":          {func(x *Index) { x.Whole.Size = 1<<50 + 1 }, "size of the whole"},
		"no data":           {func(x *Index) { x.Data = 0 }, "at most 256 blocks"},
		"no parity":         {func(x *Index) { x.Parity = 0 }, "at most 256 blocks"},
		"too many blocks":   {func(x *Index) { x.Parity = 250 }, "at most 256 blocks"},
		"blocks that wrap":  {func(x *Index) { x.Data, x.Parity = 1<<62, 1<<62+1<<62-1 }, "at most 256 blocks"},
		"no columns":        {func(x *Index) { x.Columns = 0 }, "columns"},
		"too many columns":  {func(x *Index) { x.Columns = 17 }, "columns"},
		"odd cells":         {func(x *Index) { x.Cell++ }, "multiple of 512"},
		"cells of nothing":  {func(x *Index) { x.Cell = 0 }, "multiple of 512"},
		"huge cells":        {func(x *Index) { x.Cell = 1 << 62 }, "multiple of 512"},
		"one huge block":    {func(x *Index) { x.Cell, x.Data = 1<<40, 1 }, "larger than the whole"},
		"other cells":       {func(x *Index) { x.Cell *= 2 }, "the number of data blocks"},
		"tiny volumes":      {func(x *Index) { x.Volume = 1 }, "more than 999"},
		"negative volumes":  {func(x *Index) { x.Volume = -1 }, "more than 999"},
		"no recovery size":  {func(x *Index) { x.Recovery = 0 }, "more than 999"},
		"too large":         {func(x *Index) { x.Recovery = x.geometry().paritySize() + 1 }, "larger than all parity"},
		"a cell too few":    {func(x *Index) { x.Cells = x.Cells[1:] }, "cells, found"},
		"a cell too many":   {func(x *Index) { x.Cells = append(x.Cells, oci.EmptyDigest) }, "cells, found"},
		"digest of a cell":  {func(x *Index) { x.Cells[3] = "sha256:00" }, "digest"},
		"digest of a whole": {func(x *Index) { x.Whole.Digest = "" }, "digest"},
	} {
		x := protect(t, noise(40_000, 9), 20, 12_000).index
		c.change(x)
		raw, err := x.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(raw); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestTheLargestIndexIsWithinItsBudget makes sure that no export writes an index that
// repair refuses.
func TestTheLargestIndexIsWithinItsBudget(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 33
	}
	for percent := 1; percent <= 100; percent += step {
		for _, each := range []int64{0, 1 << 45} {
			x, _, err := Plan(1<<50, percent, each)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := x.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Parse(raw); err != nil {
				t.Errorf("%d percent: %d bytes: %v", percent, len(raw), err)
			}
		}
	}
}

// TestChoose prefers the index that the index of volumes names, then the whole copies
// at the end of recovery volumes, then the file.
func TestChoose(t *testing.T) {
	a, b := protect(t, noise(40_000, 1), 20, 0), protect(t, noise(40_000, 2), 20, 0)
	rawA, _ := a.index.Marshal()
	rawB, _ := b.index.Marshal()
	hurt := bytes.Clone(rawA)
	hurt[len(hurt)-10] ^= 1 // a digit of a digest, so that it may still parse
	for name, c := range map[string]struct {
		file   []byte
		copies [][]byte
		want   oci.Digest
		chosen []byte
	}{
		"the file alone":              {rawA, nil, "", rawA},
		"a copy alone":                {nil, [][]byte{rawA}, "", rawA},
		"a damaged file":              {hurt, [][]byte{rawA}, "", rawA},
		"a file that is none":         {[]byte("{"), [][]byte{nil, rawA}, "", rawA},
		"the commonest":               {nil, [][]byte{rawB, rawA, rawA}, "", rawA},
		"the one named, in a copy":    {rawB, [][]byte{rawB, rawB, rawA}, oci.FromBytes(rawA), rawA},
		"the one named, in the file":  {rawA, [][]byte{rawB, rawB}, oci.FromBytes(rawA), rawA},
		"named, and nowhere":          {rawA, nil, oci.FromBytes(rawB), rawA},
		"nothing":                     {nil, nil, "", nil},
		"nothing that can be read":    {[]byte("{}"), [][]byte{nil, []byte("x")}, "", nil},
		"a copy that is none, a file": {rawA, [][]byte{[]byte("x")}, "", rawA},
	} {
		x, raw, err := choose(c.file, c.copies, c.want)
		if !bytes.Equal(raw, c.chosen) || (err == nil) != (c.chosen != nil) || (x == nil) != (c.chosen == nil) {
			t.Errorf("%s: chose %.40q, %v", name, raw, err)
		}
	}
}

// TestCopyIsReadOnlyIfWhole flips a bit of each byte of a tail, and cuts it.
func TestCopyIsReadOnlyIfWhole(t *testing.T) {
	m := protect(t, noise(5000, 3), 10, 0)
	want, _ := m.index.Marshal()
	rec := m.files["app.tar.rec.001"]
	if got := readCopy(bytes.NewReader(rec), int64(len(rec))); !bytes.Equal(got, want) {
		t.Fatalf("a whole copy is read as %q", got)
	}
	parity := int(m.index.geometry().paritySize())
	for i := range rec {
		bad := bytes.Clone(rec)
		bad[i] ^= 0x10
		got := readCopy(bytes.NewReader(bad), int64(len(bad)))
		if (got != nil) != (i < parity) {
			t.Errorf("byte %d of %d, parity %d: copy read %v", i, len(rec), parity, got != nil)
		}
		if cut := readCopy(bytes.NewReader(rec[:i]), int64(i)); cut != nil {
			t.Errorf("cut at %d: a copy is read", i)
		}
	}
}
