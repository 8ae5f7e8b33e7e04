package quantity

import (
	"testing"
	"time"
)

func TestBytes(t *testing.T) {
	for in, want := range map[string]int64{"1": 1, "4KiB": 4 << 10, "64MiB": 64 << 20, "2GiB": 2 << 30, "16TiB": 16 << 40,
		"1.5GiB": 3 << 29, "1kB": 1000, "4.7GB": 4_700_000_000, "0.001KB": 1, "12B": 12, "4611686018427387904": 1 << 62} {
		if got, err := Bytes(in); err != nil || got != want {
			t.Errorf("Bytes(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{"30d": 720 * time.Hour, "12h": 12 * time.Hour, "90m": 90 * time.Minute} {
		if got, err := Duration(in); err != nil || got != want {
			t.Errorf("Duration(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
}

func TestTime(t *testing.T) {
	for in, want := range map[string]string{"2026-01-31": "2026-01-31T00:00:00Z", "2026-01-31T12:00:00+01:00": "2026-01-31T11:00:00Z"} {
		if got, err := Time(in); err != nil || got.Format(time.RFC3339) != want {
			t.Errorf("Time(%q) = %v, %v, want %s", in, got, err, want)
		}
	}
}

// TestRefused wants an error for what is malformed, and for what would demand
// nothing.
func TestRefused(t *testing.T) {
	for _, in := range []string{"", "0", "-1", "1.5", "9999999TiB", " 1"} {
		if n, err := Bytes(in); err == nil {
			t.Errorf("Bytes(%q) = %d", in, n)
		}
		if n, err := Count(in); err == nil {
			t.Errorf("Count(%q) = %d", in, n)
		}
	}
	for _, in := range []string{"1.5B", "1.2345GB", "1.GB", ".5GB", "1.+1GB", "1 MiB", "0.0004kB", "4611686018427387905", "+1"} {
		if n, err := Bytes(in); err == nil {
			t.Errorf("Bytes(%q) = %d", in, n)
		}
	}
	for _, in := range []string{"", "0", "0d", "-1h", "30", "70000d", "1y"} {
		if d, err := Duration(in); err == nil {
			t.Errorf("Duration(%q) = %v", in, d)
		}
	}
	for _, in := range []string{"", "2026", "31.01.2026", "2026-02-30", "2026-01-31 12:00", "0001-01-01", "0000-01-01", "1969-12-31"} {
		if at, err := Time(in); err == nil {
			t.Errorf("Time(%q) = %v", in, at)
		}
	}
}
