package layer

import (
	"fmt"
	"math"
)

// The limits that hold where [Limits] has zeros.
const (
	// DefaultMaxUnpacked is how many bytes one layer may unpack to.
	DefaultMaxUnpacked int64 = 64 << 30

	// DefaultMaxRatio is how many bytes a layer may unpack to for each of
	// its own. Deflate cannot do more than 1032, and only with zeros.
	DefaultMaxRatio int64 = 1000

	// DefaultMaxWindow is the largest window a zstd frame may ask for, in
	// bytes; it decides how much memory its decoder takes. Beyond it the
	// zstd command refuses as well (RFC 8878 section 3.1.1.1.2 asks every
	// decoder for 8 MiB only).
	DefaultMaxWindow int64 = 128 << 20
)

// RatioGrace is how many bytes any layer may unpack to, whatever the ratio:
// the smallest layers are zeros and headers, and do no harm.
const RatioGrace int64 = 1 << 20

// Limits bound what unpacking one layer may cost. In place of a field that is
// not above zero stands its default.
type Limits struct {
	MaxUnpacked int64 // bytes
	MaxRatio    int64 // unpacked bytes for each packed byte
	MaxWindow   int64 // bytes of zstd window
}

func (l Limits) orDefaults() Limits {
	return Limits{
		MaxUnpacked: positive(l.MaxUnpacked, DefaultMaxUnpacked),
		MaxRatio:    positive(l.MaxRatio, DefaultMaxRatio),
		MaxWindow:   positive(l.MaxWindow, DefaultMaxWindow),
	}
}

func positive(n, otherwise int64) int64 {
	if n > 0 {
		return n
	}
	return otherwise
}

// budget is how many bytes a layer of size packed bytes may unpack to.
func (l Limits) budget(size int64) int64 {
	return min(l.MaxUnpacked, l.ratioBudget(size))
}

// ratioBudget is what the ratio alone allows, at most all there is.
func (l Limits) ratioBudget(size int64) int64 {
	if size > math.MaxInt64/l.MaxRatio {
		return math.MaxInt64
	}
	return max(RatioGrace, size*l.MaxRatio)
}

// exceeded names the limit that stopped a layer of size packed bytes after
// unpacked bytes.
func (l Limits) exceeded(size, unpacked int64) *LimitError {
	if l.ratioBudget(size) < l.MaxUnpacked {
		ratio := unpacked / max(size, 1)
		return &LimitError{What: LimitRatio, Limit: l.MaxRatio, Found: max(ratio, l.MaxRatio+1)}
	}
	return &LimitError{What: LimitUnpacked, Limit: l.MaxUnpacked, Found: unpacked}
}

// What a [LimitError] can be about.
const (
	LimitUnpacked = "unpacked-size" // bytes
	LimitRatio    = "ratio"         // unpacked bytes for each packed byte
	LimitWindow   = "zstd-window"   // bytes
)

// LimitError says that a layer went over one of its [Limits].
type LimitError struct {
	What  string // LimitUnpacked, LimitRatio or LimitWindow
	Limit int64
	Found int64 // at least this much: unpacking stopped here
}

// Error tells the limit, what was found, and that the limit can be raised.
func (e *LimitError) Error() string {
	return fmt.Sprintf("layer %s is %d or more, limit %d: raise the limit only for a layer known to need it", e.What, e.Found, e.Limit)
}
