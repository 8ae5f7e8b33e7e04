// Package quantity reads the durations, times and sizes that people write in
// flags and in policy files.
package quantity

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration reads a positive duration such as 30d, 12h or 90m: zero would demand
// nothing.
func Duration(s string) (d time.Duration, err error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * 24 * time.Hour
	} else {
		d, err = time.ParseDuration(s)
	}
	if err == nil && d <= 0 {
		err = errors.New("not positive")
	}
	if err != nil {
		return 0, fmt.Errorf("%q: want a duration such as 30d, 12h or 90m", s)
	}
	return d, nil
}

// Time reads a time (RFC 3339) or a date, which means its beginning in UTC.
func Time(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: want a time such as 2026-01-31 or 2026-01-31T12:00:00Z", s)
}

// Bytes reads a positive number of bytes, with an optional KiB, MiB, GiB or TiB.
func Bytes(s string) (int64, error) {
	digits, shift := s, 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if d, ok := strings.CutSuffix(s, unit); ok {
			digits, shift = d, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)>>shift {
		return 0, fmt.Errorf("%q: want a size such as 64MiB", s)
	}
	return n << shift, nil
}

// Count reads a positive number.
func Count(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q: want a positive number", s)
	}
	return n, nil
}
