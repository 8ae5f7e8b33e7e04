package recovery_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// TestEveryVolumeCanBeLost: of ten volumes at ten percent any one, wherever its
// borders lie in the blocks; and of a few volumes any one of parity.
func TestEveryVolumeCanBeLost(t *testing.T) {
	whole := noise(3_000_003, 1)
	m := protect(t, whole, 10, 300_001)
	if n := len(m.files); n < 11 {
		t.Fatalf("%d files", n)
	}
	tried := 0
	for name := range m.files {
		if tried++; testing.Short() && tried > 2 {
			break
		}
		now := m.copies()
		delete(now, name)
		if err := m.repair(t, now); err != nil {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestBurstsWithinTheShare: a run of ten percent that begins anywhere, in a
// bundle of one file.
func TestBurstsWithinTheShare(t *testing.T) {
	whole := noise(1_234_567, 2)
	m := protect(t, whole, 10, 0)
	rnd := rand.New(rand.NewPCG(1, 2))
	run := len(whole) / 10
	starts := []int{0, len(whole) - run, 1, 4095, 4096, 4097}
	for range 20 {
		starts = append(starts, rnd.IntN(len(whole)-run))
	}
	if testing.Short() { // with the race detector each takes a second
		starts = starts[:2]
	}
	for _, at := range starts {
		now := m.copies()
		clear(now["app.tar"][at : at+run])
		if err := m.repair(t, now); err != nil {
			t.Errorf("a burst at %d: %v", at, err)
		}
	}
}

// blockOf returns the file and place of a block in a bundle of one file.
func (m made) flip(now map[string][]byte, block, column int, rnd *rand.Rand) {
	g := m.index.Geometry()
	at := int64(block)*g.Block() + int64(column)*g.Cell
	name := "app.tar"
	if block >= g.Data {
		name, at = "app.tar.rec.001", at-int64(g.Data)*g.Block()
	}
	raw := now[name]
	end := min(at+g.Cell, int64(len(raw)))
	if block >= g.Data {
		end = at + g.Cell
	}
	raw[at+rnd.Int64N(end-at)] ^= 1 << rnd.IntN(8)
}

// TestAnyBlocksWithinTheShare: in every column another choice of blocks, of
// data and of parity, as many as can be rebuilt; one more cannot.
func TestAnyBlocksWithinTheShare(t *testing.T) {
	whole := noise(230*50_000-17, 3)
	m := protect(t, whole, 10, 0)
	g := m.index.Geometry()
	if g.Columns < 2 || g.Data < 200 {
		t.Fatalf("too small to show anything: %+v", g)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	now := m.copies()
	spare := make([][]int, g.Columns)
	for column := range g.Columns {
		all := rnd.Perm(g.Blocks())
		for _, b := range all[:g.Parity] {
			m.flip(now, b, column, rnd)
		}
		spare[column] = all[g.Parity:]
	}
	if err := m.repair(t, now); err != nil {
		t.Fatalf("%d blocks of each column: %v", g.Parity, err)
	}
	last := g.Columns - 1
	m.flip(now, spare[last][0], last, rnd)
	f := (*check.Fault)(nil)
	if err := m.repair(t, now); !errors.As(err, &f) || f.ID != check.MediaRecovery || f.Found != fmt.Sprintf("%d lost", g.Parity+1) || f.Expected != fmt.Sprintf("at most %d blocks lost", g.Parity) {
		t.Errorf("one more: %v", err)
	}
}

// TestEveryPatternOfASmallBundle loses each set of blocks there is.
func TestEveryPatternOfASmallBundle(t *testing.T) {
	m := protect(t, noise(5*4096-9, 4), 30, 0)
	g := m.index.Geometry()
	rnd := rand.New(rand.NewPCG(5, 6))
	repaired := 0
	for pattern := range 1 << g.Blocks() {
		now, lost := m.copies(), 0
		for b := range g.Blocks() {
			if pattern>>b&1 == 1 {
				m.flip(now, b, 0, rnd)
				lost++
			}
		}
		err := m.repair(t, now)
		if err == nil {
			repaired++
		}
		if f := (*check.Fault)(nil); (err == nil) != (lost <= g.Parity) || err != nil && !errors.As(err, &f) {
			t.Errorf("pattern %b, %d of %d lost: %v", pattern, lost, g.Parity, err)
		}
	}
	if repaired < 16 {
		t.Errorf("repaired %d patterns of %d blocks", repaired, g.Blocks())
	}
}
