package recovery_test

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/gapseal/gapseal/bundle/recovery"
)

func TestFilesOfAnotherSize(t *testing.T) {
	m := protect(t, noise(500_000, 5), 30, 100_000)
	tried := 0
	for name, raw := range m.files {
		if tried++; testing.Short() && tried > 1 {
			break
		}
		for what, changed := range map[string][]byte{
			"cut by a byte": raw[:len(raw)-1], "cut to nothing": raw[:0:0], "longer": append(bytes.Clone(raw), 7), "empty and longer": bytes.Repeat([]byte{1}, len(raw)+5),
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

// TestRangesNameWhatIsDamaged: one byte costs its cell and no more.
func TestRangesNameWhatIsDamaged(t *testing.T) {
	m := protect(t, noise(1_000_000, 6), 10, 250_000)
	now := m.copies()
	now["app.tar.003"][100_000] ^= 1
	set := m.open(t, now)
	for _, f := range set.Files {
		lost := set.Lost(f)
		if f.Name != "app.tar.003" {
			if len(lost) > 0 || f.Fault() != "" {
				t.Errorf("%s: %v, %s", f.Name, lost, f.Fault())
			}
			continue
		}
		if len(lost) != 1 || lost[0].From > 100_000 || lost[0].To <= 100_000 || lost[0].To-lost[0].From > m.index.Cell {
			t.Errorf("lost %v", lost)
		}
	}
}

// TestTryKeepsTheBetterCopy of a volume that lies in two folders.
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
	}{"worse, then better": {worse, better, 1}, "better, then worse": {better, worse, 1}, "cut, then good": {cut, good, 0}, "worse, then cut": {worse, cut, 2}, "missing, then better": {nil, better, 1}} {
		now := m.copies()
		now["app.tar.002"] = c.first
		set := m.open(t, now)
		f := set.Files[1]
		if err := set.Try(t.Context(), f, bytes.NewReader(c.second), int64(len(c.second))); err != nil {
			t.Fatal(err)
		}
		if got := len(set.Lost(f)); got != c.runs || f.Fault() != "" {
			t.Errorf("%s: %d runs lost, %s", name, got, f.Fault())
		}
	}
}

// TestProgressAddsUp: what is told in all is what was announced.
func TestProgressAddsUp(t *testing.T) {
	m := protect(t, noise(500_000, 8), 30, 100_000)
	now := m.copies()
	delete(now, "app.tar.002")
	set := m.open(t, now)
	told := atomic.Int64{}
	tell := func(n int64) { told.Add(n) }
	if err := set.Scan(t.Context(), tell); err != nil || told.Swap(0) != set.Span() {
		t.Errorf("the scan announced %d bytes: %v", set.Span(), err)
	}
	f := set.Files[1]
	work := set.Work([]*recovery.File{f})
	if err := set.Rebuild(t.Context(), map[*recovery.File]recovery.Output{f: make(memory, f.Full())}, tell); err != nil || told.Load() != work {
		t.Errorf("told %d of %d bytes: %v", told.Load(), work, err)
	}
}

// TestAnEndedContextIsTheError of every long step.
func TestAnEndedContextIsTheError(t *testing.T) {
	m := protect(t, noise(100_000, 9), 30, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	set := m.open(t, m.copies())
	f := set.Files[0]
	for name, err := range map[string]error{
		"scan":    set.Scan(ctx, quiet),
		"rebuild": set.Rebuild(ctx, map[*recovery.File]recovery.Output{f: make(memory, f.Full())}, quiet),
		"encode":  m.index.Encode(ctx, bytes.NewReader(m.files["app.tar"]), make(memory, 1<<20), quiet),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
