// Package quantity reads the durations, times, sizes and counts that people
// write in flags and in policy files. It is their one grammar.
package quantity

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration reads a positive duration: a number of days such as 30d, or what
// [time.ParseDuration] reads, such as 12h or 90m. Zero is refused, since no
// demand could follow from it.
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

// Time reads a time (RFC 3339) or a date, which means midnight UTC at its
// beginning. The result is in UTC. A time before 1970 is refused: it would demand
// nothing, and the zero time would be taken for none.
func Time(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil && t.Unix() >= 0 {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: want a time such as 2026-01-31 or 2026-01-31T12:00:00Z", s)
}

// units lists the units of [Bytes], the longer names first.
var units = []struct {
	name   string
	factor int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// Bytes reads a positive size: a number of bytes, or a number with up to three
// decimals and a unit, such as 650MiB or 4.7GB. Units with an i are powers of
// 1024, those without are powers of 1000. A fraction of a byte is dropped.
func Bytes(s string) (int64, error) {
	for _, u := range units {
		digits, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		if n, ok := scale(digits, u.factor); ok {
			return n, nil
		}
		break
	}
	return 0, fmt.Errorf("%q: want a size such as 64MiB or 4.7GB", s)
}

// maxBytes keeps the sum of two sizes from overflowing.
const maxBytes = 1 << 62

// scale multiplies digits, which may have up to three decimals, by factor.
// Whole bytes have no decimals.
func scale(digits string, factor int64) (n int64, ok bool) {
	whole, decimals, point := strings.Cut(digits, ".")
	if whole == "" || point && (decimals == "" || len(decimals) > 3 || factor == 1) {
		return 0, false
	}
	count, err := strconv.ParseUint(whole, 10, 63)
	if err != nil || count > uint64(maxBytes/factor) {
		return 0, false
	}
	fraction, err := strconv.ParseUint((decimals + "000")[:3], 10, 10)
	if err != nil {
		return 0, false
	}
	n = int64(count)*factor + int64(fraction)*factor/1000
	return n, n > 0 && n <= maxBytes
}

// Count reads a positive number.
func Count(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%q: want a positive number", s)
	}
	return n, nil
}
