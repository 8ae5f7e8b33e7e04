package layer

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
)

// Unpacker unpacks one layer, whose packed bytes are written to it. Its memory
// depends on [Limits].MaxWindow and not on the layer: about a megabyte for tar
// and gzip, and the window in addition for zstd. Use it from one goroutine, and
// always close it, because it runs goroutines of its own.
type Unpacker struct {
	in     *feed
	done   chan struct{}
	closed bool
	result Result
}

// NewUnpacker returns an Unpacker for a layer of size packed bytes, as its
// descriptor states. The size is used only for [Limits].MaxRatio, which
// therefore applies to the layer as a whole, wherever in it the zeros are.
// Whether that many bytes arrive is left to the caller.
func NewUnpacker(size int64, limits Limits) *Unpacker {
	return start(size, limits, unpack)
}

// readSize is how many bytes are read at once for the decoders.
const readSize = 16 << 10

type unpackFunc func(*bufio.Reader, *sink, *Result) error

func start(size int64, limits Limits, f unpackFunc) *Unpacker {
	u := &Unpacker{in: newFeed(), done: make(chan struct{})}
	go u.run(newSink(size, limits.orDefaults()), f)
	return u
}

// Write takes the next packed bytes. It fails only after Close. What is wrong
// with the layer is in [Unpacker.Result]; from then on the rest is taken and
// dropped, so that the caller can go on hashing the blob.
func (u *Unpacker) Write(p []byte) (int, error) {
	if u.closed {
		return 0, io.ErrClosedPipe
	}
	return u.in.Write(p)
}

// Close ends the layer, waits until it is unpacked, and returns the Err of its
// [Result].
func (u *Unpacker) Close() error {
	if !u.closed {
		u.closed = true
		u.in.close()
		<-u.done
	}
	return u.result.Err
}

// Result returns what was found. Call it after Close.
func (u *Unpacker) Result() Result { return u.result }

func (u *Unpacker) run(out *sink, f unpackFunc) {
	defer close(u.done)
	defer u.in.leave()
	r := &u.result
	r.Err = guard(func() error { return f(bufio.NewReaderSize(u.in, readSize), out, r) })
	diffID := out.close()
	r.Unpacked = out.total
	if r.Err == nil {
		r.DiffID = diffID
		r.findContent(out)
	}
}

// guard turns a panic into an error. It runs in a goroutine of the Unpacker,
// where the caller could not recover from one.
func guard(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrInternal, p)
		}
	}()
	return f()
}

func unpack(in *bufio.Reader, out *sink, r *Result) error {
	head, _ := in.Peek(HeadSize) // a short head is a head
	r.Format = Sniff(head)
	switch r.Format {
	case Gzip:
		return gunzip(in, out, r)
	case Zstd:
		return unzstd(in, out, r)
	case Tar:
		_, err := io.Copy(out, in)
		return err
	}
	return fmt.Errorf("%w: it begins with % x", ErrFormat, head[:min(len(head), 8)])
}

// findContent warns if what was packed is not a tar. Some runtimes stop there
// and others unpack once more.
func (r *Result) findContent(out *sink) {
	switch f := out.head.Format(); {
	case out.total == 0:
		r.find("%s: unpacks to nothing", r.Format)
	case f != Tar:
		r.find("%s: unpacks to a format that is not tar: %s", r.Format, f)
	}
}

// What an [Unpacker] finds wrong, apart from a [LimitError].
var (
	// ErrFormat reports that the layer begins like none of the formats that
	// layers have.
	ErrFormat = errors.New("layer is neither tar, gzip nor zstd")

	// ErrDamaged reports that the compressed data is broken or ends early.
	ErrDamaged = errors.New("layer is damaged")

	// ErrTrailing reports that something follows the compressed data that is
	// not compressed data.
	ErrTrailing = errors.New("layer has bytes after its compressed data")

	// ErrInternal reports that the decoder failed. That is a fault of the
	// program and says nothing about the layer.
	ErrInternal = errors.New("internal fault while unpacking a layer")
)

// Result is what an [Unpacker] found out about one layer.
type Result struct {
	// Format is what the magic bytes say.
	Format Format

	// DiffID is "sha256:" and the lower-case hex SHA-256 of the unpacked
	// bytes; empty if Err is set.
	DiffID string

	// Unpacked counts unpacked bytes, up to where Err stopped it.
	Unpacked int64

	// Findings are bytes of the layer that its diff ID does not cover, and
	// other reasons for a warning, one sentence each, of bounded number and
	// length. Text from the layer is quoted, in printable ASCII.
	Findings []string

	// Err is nil, a *LimitError, or wraps one of the errors above.
	Err error
}

func (r *Result) find(format string, args ...any) {
	r.Findings = append(r.Findings, fmt.Sprintf(format, args...))
}

// damaged wraps the error of a decoder or of the output, unless it is a limit.
func damaged(where string, err error) error {
	if limit := (*LimitError)(nil); errors.As(err, &limit) {
		return limit
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, where, err)
}

// sink takes the unpacked bytes. It counts them against the budget, keeps their
// head, and hashes them in a goroutine of its own, because hashing costs about
// as much as unpacking. close must be called.
type sink struct {
	size   int64 // of the packed layer
	limits Limits
	budget int64
	total  int64
	head   Peek
	feed   *feed
	hash   hash.Hash
	hashed chan struct{}
}

func newSink(size int64, limits Limits) *sink {
	s := &sink{
		size:   size,
		limits: limits,
		budget: limits.budget(size),
		feed:   newFeed(),
		hash:   sha256.New(),
		hashed: make(chan struct{}),
	}
	go func() {
		defer close(s.hashed)
		_, _ = io.Copy(s.hash, s.feed) // neither end can fail
	}()
	return s
}

// Write fails with a [*LimitError] at the first byte too many.
func (s *sink) Write(p []byte) (int, error) {
	s.total += int64(len(p))
	if s.total > s.budget {
		return 0, s.limits.exceeded(s.size, s.total)
	}
	_, _ = s.head.Write(p)
	return s.feed.Write(p)
}

// close waits for the hash and returns the diff ID of everything that was
// written.
func (s *sink) close() string {
	s.feed.close()
	<-s.hashed
	return "sha256:" + hex.EncodeToString(s.hash.Sum(nil))
}

// The limits that hold where [Limits] has zeros.
const (
	// DefaultMaxUnpacked is how many bytes one layer may unpack to.
	DefaultMaxUnpacked int64 = 64 << 30

	// DefaultMaxRatio is how many bytes a layer may unpack to for each of its
	// own. Deflate cannot exceed 1032, and reaches it only with zeros.
	DefaultMaxRatio int64 = 1000

	// DefaultMaxWindow is the largest window that a zstd frame may ask for, in
	// bytes, which decides how much memory its decoder takes. The zstd command
	// refuses larger ones too. (RFC 8878 section 3.1.1.1.2 requires only 8 MiB
	// of a decoder.)
	DefaultMaxWindow int64 = 128 << 20
)

// RatioGrace is how many bytes any layer may unpack to, whatever the ratio. The
// smallest layers are zeros and headers, and do no harm.
const RatioGrace int64 = 1 << 20

// Limits bound what unpacking one layer may cost. A field that is not above
// zero means its default.
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

// budget returns how many bytes a layer of size packed bytes may unpack to.
func (l Limits) budget(size int64) int64 {
	return min(l.MaxUnpacked, l.ratioBudget(size))
}

// ratioBudget returns what the ratio alone allows.
func (l Limits) ratioBudget(size int64) int64 {
	if size > math.MaxInt64/l.MaxRatio {
		return math.MaxInt64
	}
	return max(RatioGrace, size*l.MaxRatio)
}

// exceeded returns the limit that stopped a layer of size packed bytes after so
// many unpacked bytes.
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

// LimitError reports that a layer exceeded one of its [Limits].
type LimitError struct {
	What  string // LimitUnpacked, LimitRatio or LimitWindow
	Limit int64
	Found int64 // at least this much: unpacking stopped here
}

// Error names the limit and what was found.
func (e *LimitError) Error() string {
	return fmt.Sprintf("layer %s is %d or more, limit %d: raise the limit only for a layer known to need it", e.What,
		e.Found, e.Limit)
}
