package recovery

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// TestEveryVolumeCanBeLost loses each of ten volumes, and each recovery volume, of a
// bundle of which ten percent may be lost. The borders of volumes are not those of
// blocks.
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

// TestBurstsWithinTheShare loses a run of ten percent that begins anywhere in a bundle
// of one file.
func TestBurstsWithinTheShare(t *testing.T) {
	whole := noise(1_234_567, 2)
	m := protect(t, whole, 10, 0)
	rnd := rand.New(rand.NewPCG(1, 2))
	run := len(whole) / 10
	starts := []int{0, len(whole) - run, 1, 4095, 4096, 4097}
	for range 20 {
		starts = append(starts, rnd.IntN(len(whole)-run))
	}
	if testing.Short() { // each takes a second with the race detector
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

// flip flips a bit in a cell of a bundle of one file.
func (m made) flip(now map[string][]byte, block, column int, rnd *rand.Rand) {
	g := m.index.geometry()
	at := int64(block)*g.block() + int64(column)*g.Cell
	name := "app.tar"
	if block >= g.Data {
		name, at = "app.tar.rec.001", at-int64(g.Data)*g.block()
	}
	raw := now[name]
	end := min(at+g.Cell, int64(len(raw)))
	if block >= g.Data {
		end = at + g.Cell
	}
	raw[at+rnd.Int64N(end-at)] ^= 1 << rnd.IntN(8)
}

// TestAnyBlocksWithinTheShare damages other blocks, of data and of parity, in every
// column: as many as can be rebuilt, and then one more.
func TestAnyBlocksWithinTheShare(t *testing.T) {
	whole := noise(230*50_000-17, 3)
	m := protect(t, whole, 10, 0)
	g := m.index.geometry()
	if g.Columns < 2 || g.Data < 200 {
		t.Fatalf("too small to show anything: %+v", g)
	}
	rnd := rand.New(rand.NewPCG(3, 4))
	now := m.copies()
	spare := make([][]int, g.Columns)
	for column := range g.Columns {
		all := rnd.Perm(g.blocks())
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
	if err := m.repair(t, now); !errors.As(err, &f) || f.ID != check.MediaRecovery ||
		f.Found != fmt.Sprintf("%d lost", g.Parity+1) || f.Expected != fmt.Sprintf("at most %d blocks lost", g.Parity) {
		t.Errorf("one more: %v", err)
	}
}

// TestEveryPatternOfASmallBundle loses each set of blocks there is.
func TestEveryPatternOfASmallBundle(t *testing.T) {
	m := protect(t, noise(5*4096-9, 4), 30, 0)
	g := m.index.geometry()
	rnd := rand.New(rand.NewPCG(5, 6))
	repaired := 0
	for pattern := range 1 << g.blocks() {
		now, lost := m.copies(), 0
		for b := range g.blocks() {
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
		t.Errorf("repaired %d patterns of %d blocks", repaired, g.blocks())
	}
}

func TestFilesOfAnotherSize(t *testing.T) {
	m := protect(t, noise(500_000, 5), 30, 100_000)
	tried := 0
	for name, raw := range m.files {
		if tried++; testing.Short() && tried > 1 {
			break
		}
		for what, changed := range map[string][]byte{
			"cut by a byte": raw[:len(raw)-1], "cut to nothing": raw[:0:0], "longer": append(bytes.Clone(raw), 7),
			"empty and longer": bytes.Repeat([]byte{1}, len(raw)+5),
		} {
			now := m.copies()
			now[name] = changed
			if changed == nil {
				now[name] = []byte{}
			}
			if err := m.repair(t, now); err != nil {
				t.Errorf("%s %s: %v", name, what, err)
			}
		}
	}
}

// TestRangesNameWhatIsDamaged changes one byte, which costs its cell and no more.
func TestRangesNameWhatIsDamaged(t *testing.T) {
	m := protect(t, noise(1_000_000, 6), 10, 250_000)
	now := m.copies()
	now["app.tar.003"][100_000] ^= 1
	set := m.open(t, now)
	for _, f := range set.members {
		lost := set.ranges(f)
		if f.name != "app.tar.003" {
			if len(lost) > 0 || f.problem() != "" {
				t.Errorf("%s: %v, %s", f.name, lost, f.problem())
			}
			continue
		}
		if len(lost) != 1 || lost[0].From > 100_000 || lost[0].To <= 100_000 || lost[0].To-lost[0].From > m.index.Cell {
			t.Errorf("lost %v", lost)
		}
	}
}

// TestTryKeepsTheBetterCopy tries two copies of a volume.
func TestTryKeepsTheBetterCopy(t *testing.T) {
	m := protect(t, noise(500_000, 7), 10, 100_000)
	good := m.files["app.tar.002"]
	worse, cut := bytes.Clone(good), good[:10_000]
	worse[5_000] ^= 1
	worse[90_000] ^= 1
	better := bytes.Clone(good)
	better[5_000] ^= 1
	for name, c := range map[string]struct {
		first, second []byte
		runs          int
	}{"worse, then better": {worse, better, 1}, "better, then worse": {better, worse, 1},
		"cut, then good": {cut, good, 0}, "worse, then cut": {worse, cut, 2},
		"missing, then better": {nil, better, 1}} {
		now := m.copies()
		now["app.tar.002"] = c.first
		set := m.open(t, now)
		f := set.members[1]
		if err := set.try(t.Context(), f, bytes.NewReader(c.second), int64(len(c.second))); err != nil {
			t.Fatal(err)
		}
		if got := len(set.ranges(f)); got != c.runs || f.problem() != "" {
			t.Errorf("%s: %d runs lost, %s", name, got, f.problem())
		}
	}
}

// TestProgressAddsUp compares the sum of the progress with what was announced.
func TestProgressAddsUp(t *testing.T) {
	m := protect(t, noise(500_000, 8), 30, 100_000)
	now := m.copies()
	delete(now, "app.tar.002")
	set := m.open(t, now)
	reported := atomic.Int64{}
	progress := func(n int64) { reported.Add(n) }
	if err := set.scan(t.Context(), progress); err != nil || reported.Swap(0) != set.span() {
		t.Errorf("the scan announced %d bytes: %v", set.span(), err)
	}
	f := set.members[1]
	work := set.work([]*member{f})
	if err := set.rebuild(t.Context(), map[*member]output{f: make(ram, f.full())}, progress); err != nil ||
		reported.Load() != work {
		t.Errorf("reported %d of %d bytes: %v", reported.Load(), work, err)
	}
}

// TestAnEndedContextIsTheError ends the context before each of the long steps.
func TestAnEndedContextIsTheError(t *testing.T) {
	m := protect(t, noise(100_000, 9), 30, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	set := m.open(t, m.copies())
	f := set.members[0]
	for name, err := range map[string]error{
		"scan":    set.scan(ctx, quiet),
		"rebuild": set.rebuild(ctx, map[*member]output{f: make(ram, f.full())}, quiet),
		"encode":  m.index.Encode(ctx, bytes.NewReader(m.files["app.tar"]), make(ram, 1<<20), quiet),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// flaky returns wrong bytes after a number of reads, like a medium that fails during
// the repair, or a file that is exchanged during it.
type flaky struct {
	*bytes.Reader
	left int
}

func (f *flaky) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.Reader.ReadAt(p, off)
	if f.left--; f.left < 0 && n > 0 {
		p[0] ^= 1
	}
	return n, err
}

// TestNothingIsRepairedFromWhatChanges rebuilds from a medium that changes during the
// repair. Since what was rebuilt is compared with the index, that is an error.
func TestNothingIsRepairedFromWhatChanges(t *testing.T) {
	m := protect(t, noise(300_000, 7), 30, 100_000)
	now := m.copies()
	now["app.tar.002"] = nil
	set := m.open(t, now)
	out := map[*member]output{}
	for _, f := range set.members {
		switch f.name {
		case "app.tar.002":
			out[f] = make(ram, f.full())
		case "app.tar.001":
			f.in = &flaky{bytes.NewReader(now[f.name]), 0}
		}
	}
	err := set.rebuild(context.Background(), out, quiet)
	if fault := (*check.Fault)(nil); !errors.As(err, &fault) || fault.ID != check.MediaRecovery {
		t.Errorf("%v", err)
	}
}
