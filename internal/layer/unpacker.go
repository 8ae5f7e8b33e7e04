package layer

import (
	"bufio"
	"fmt"
	"io"
)

// Unpacker unpacks one layer whose packed bytes are written to it, in memory
// that depends on [Limits].MaxWindow and not on the layer: about a megabyte
// for tar and gzip, the window besides for zstd. Use it from one goroutine,
// and always close it: it has goroutines of its own.
type Unpacker struct {
	in     *feed
	done   chan struct{}
	closed bool
	result Result
}

// NewUnpacker returns an Unpacker for a layer of size packed bytes, as its
// descriptor states them. The size serves [Limits].MaxRatio only, which so
// holds for the layer as a whole and does not depend on where in it the zeros
// are; that as many bytes come is for the caller to check.
func NewUnpacker(size int64, limits Limits) *Unpacker {
	return start(size, limits, unpack)
}

// readSize is how much is read at once for the decoders, in bytes.
const readSize = 16 << 10

type unpackFunc func(*bufio.Reader, *sink, *Result) error

func start(size int64, limits Limits, f unpackFunc) *Unpacker {
	u := &Unpacker{in: newFeed(), done: make(chan struct{})}
	go u.run(newSink(size, limits.orDefaults()), f)
	return u
}

// Write takes the next packed bytes. It fails only after Close: what is wrong
// with the layer is told by [Unpacker.Result], and from then on the rest is
// taken and dropped, so the caller can go on hashing the blob.
func (u *Unpacker) Write(p []byte) (int, error) {
	if u.closed {
		return 0, io.ErrClosedPipe
	}
	return u.in.Write(p)
}

// Close ends the layer, waits until it is unpacked, and returns the Err of
// its [Result].
func (u *Unpacker) Close() error {
	if !u.closed {
		u.closed = true
		u.in.close()
		<-u.done
	}
	return u.result.Err
}

// Result returns what was learned, once Close has returned.
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

// guard turns a panic into an error: nobody else could catch it, since it
// comes in a goroutine of ours.
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

// findContent warns when what was packed is no tar: runtimes stop there, or
// unpack once more, each in its own way.
func (r *Result) findContent(out *sink) {
	switch f := out.head.Format(); {
	case out.total == 0:
		r.find("%s: unpacks to nothing", r.Format)
	case f != Tar:
		r.find("%s: unpacks to a format that is not tar: %s", r.Format, f)
	}
}
