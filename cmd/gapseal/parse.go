package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// parseDuration reads a positive duration: zero would demand nothing.
func parseDuration(s string) (d time.Duration, err error) {
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
	return d, err
}

func parseTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: want a time such as 2026-01-31 or 2026-01-31T12:00:00Z", s)
}

// parseSize reads a positive number, in bytes with an optional KiB, MiB, GiB or
// TiB where the budget is one of bytes.
func parseSize(s string, bytes bool) (int64, error) {
	digits, shift := s, 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if d, ok := strings.CutSuffix(s, unit); ok && bytes {
			digits, shift = d, 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n <= 0 || n > (1<<62)>>shift {
		if bytes {
			return 0, fmt.Errorf("%q: want a size such as 64MiB", s)
		}
		return 0, fmt.Errorf("%q: want a positive number", s)
	}
	return n << shift, nil
}
