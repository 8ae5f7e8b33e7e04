package recovery_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/gapseal/gapseal/bundle/recovery"
	"github.com/gapseal/gapseal/verify/check"
)

// flaky gives other bytes once a number of reads are over: a medium that fails
// under the repair, or a file that somebody exchanges meanwhile.
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

// TestNothingIsRepairedFromWhatChanges: what is rebuilt is read back and held
// against the index, so a medium that changes under the repair is no success.
func TestNothingIsRepairedFromWhatChanges(t *testing.T) {
	m := protect(t, noise(300_000, 7), 30, 100_000)
	now := m.copies()
	now["app.tar.002"] = nil
	set := m.open(t, now)
	out := map[*recovery.File]recovery.Output{}
	for _, f := range set.Files {
		switch f.Name {
		case "app.tar.002":
			out[f] = make(memory, f.Full())
		case "app.tar.001":
			f.In = &flaky{bytes.NewReader(now[f.Name]), 0}
		}
	}
	err := set.Rebuild(context.Background(), out, quiet)
	if fault := (*check.Fault)(nil); !errors.As(err, &fault) || fault.ID != check.MediaRecovery {
		t.Errorf("%v", err)
	}
}
