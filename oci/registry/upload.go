package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/oci"
)

// Upload begins to store the blob d in repo. Nothing is sent before there is a chunk
// of 8 MiB, or all of a smaller blob.
//
// A small blob is sent by one request, again if that fails. A larger one is sent in
// chunks: while one is sent, the next is filled. A chunk stays in memory until the
// registry has it. If the connection breaks, the registry is asked how much of it
// came, and the rest is sent. If a registry refuses the first or the second chunk, the
// blob is sent by one request while it is written, and so are all later blobs for that
// registry; such a request cannot be repeated.
//
// An upload takes memory with its first byte, and gives it back when it ends. If
// other uploads hold all of it (40 MiB), a write waits until one of them ends, so no
// upload may wait for the end of another.
//
// The upload ends with ctx, too. An error of a Write is final.
func (t *Target) Upload(ctx context.Context, repo string, d oci.Descriptor) (oci.Upload, error) {
	what := "upload of blob " + join(repo, string(d.Digest))
	if err := checkBlob(d); err != nil {
		return nil, explain(what, repo, err)
	}
	r, err := t.source.open(ctx, repo)
	if err != nil {
		return nil, explainPush(what, repo, err)
	}
	u := &upload{d: d, memory: t.memory, chunking: t.chunkingOf(r.name.RegistryStr()),
		session: session{r: r, d: d}, wrap: func(err error) error { return explainPush(what, repo, err) }}
	u.ctx, u.end = context.WithCancelCause(ctx)
	return u, nil
}

// upload implements [oci.Upload].
type upload struct {
	d        oci.Descriptor
	memory   *buffers
	chunking *chunking
	wrap     func(error) error
	ctx      context.Context
	end      context.CancelCauseFunc

	begun   bool
	written int64
	err     error  // final
	filling []byte // the chunk, or the small blob, that is being filled
	spare   []byte // an empty buffer

	session session
	sending []byte     // the chunk that is being sent
	sent    chan error // receives its result; nil if none is being sent
	probing bool       // it is not known whether the registry accepts chunks
	first   []byte     // while probing, the first chunk, which was accepted
	stream  *stream    // in the place of chunks; nil for none
}

var (
	errEnded     = errors.New("the upload has ended")
	errCancelled = errors.New("the upload was cancelled")
)

// Write implements [io.Writer].
func (u *upload) Write(p []byte) (n int, err error) {
	for n < len(p) && u.err == nil {
		var step int
		step, u.err = u.write(p[n:])
		n += step
		u.written += int64(step)
	}
	return n, u.wrap(u.err)
}

// write takes some bytes of p, or makes room for them.
func (u *upload) write(p []byte) (int, error) {
	switch {
	case u.written+int64(len(p)) > u.d.Size:
		return 0, fmt.Errorf("%w: more than the %d bytes that the descriptor says", oci.ErrMismatch, u.d.Size)
	case !u.begun:
		u.begun = true
		return 0, u.begin()
	case u.stream != nil:
		return u.stream.write(p)
	case u.filling == nil:
		return 0, u.nextBuffer()
	}
	n := min(len(p), cap(u.filling)-len(u.filling))
	u.filling = append(u.filling, p[:n]...)
	if len(u.filling) == cap(u.filling) && !u.isSmall() {
		return n, u.flush()
	}
	return n, nil
}

// isSmall reports whether the blob is sent by one request from memory.
func (u *upload) isSmall() bool { return u.d.Size <= u.memory.chunk }

// begin takes memory. Who finds out whether the registry accepts chunks takes both
// chunks at once, so that no two uploads wait for the second chunk of the other.
func (u *upload) begin() (err error) {
	if u.isSmall() {
		u.filling, err = u.memory.get(u.ctx, u.d.Size)
		return err
	}
	state, err := u.chunking.enter(u.ctx)
	switch {
	case err != nil:
		return err
	case state == chunksRefused:
		return u.startStream()
	case state == chunksAccepted:
		u.filling, err = u.memory.get(u.ctx, u.memory.chunk)
		return err
	}
	u.probing = true
	u.filling, u.spare, err = u.memory.getTwo(u.ctx)
	return err
}

// nextBuffer provides an empty buffer: if there is no memory for another, that of the
// chunk that is being sent.
func (u *upload) nextBuffer() error {
	if u.spare == nil {
		u.spare = u.memory.try(u.memory.chunk)
	}
	if u.spare == nil {
		if err := u.await(); err != nil || u.stream != nil {
			return err
		}
	}
	u.filling, u.spare = u.spare, nil
	return nil
}

// flush begins to send the chunk that was filled, after the one before.
func (u *upload) flush() error {
	if err := u.await(); err != nil || u.stream != nil {
		return err
	}
	chunk := u.filling
	u.sending, u.filling = chunk, nil
	u.sent = make(chan error, 1)
	go func() { u.sent <- u.session.send(u.ctx, chunk) }()
	return nil
}

// await waits until the chunk that is being sent has been stored.
func (u *upload) await() error {
	if u.sent == nil {
		return nil
	}
	err := <-u.sent
	chunk := u.sending
	u.sent, u.sending = nil, nil
	switch {
	case err != nil && u.probing && isRefusedChunk(err):
		return u.fallBack(err, chunk)
	case err != nil:
		u.memory.put(chunk)
		return err
	case u.probing && u.first == nil:
		u.first = chunk
		return nil
	}
	u.settle(chunksAccepted)
	if u.spare == nil {
		u.spare = chunk[:0]
	} else {
		u.memory.put(chunk)
	}
	return nil
}

// settle ends the probing, if this upload did it.
func (u *upload) settle(state chunkState) {
	if u.probing {
		u.probing = false
		u.chunking.leave(state)
	}
	u.memory.put(u.first)
	u.first = nil
}

// fallBack sends by one request what was written so far and what comes.
func (u *upload) fallBack(cause error, chunk []byte) error {
	u.session.abandon(u.ctx)
	written := [][]byte{u.first, chunk, u.filling}
	u.first, u.filling = nil, nil
	u.settle(chunksRefused)
	err := u.startStream()
	for _, b := range written {
		if err == nil && b != nil {
			_, err = u.stream.write(b)
		}
		u.memory.put(b)
	}
	if err != nil {
		err = fmt.Errorf("%w; before, the registry refused a chunk: %s", err, describe(cause))
	}
	return err
}

func (u *upload) startStream() (err error) {
	u.stream, err = u.session.stream(u.ctx)
	return err
}

// Commit implements [oci.Upload].
func (u *upload) Commit(ctx context.Context) error {
	defer u.release()
	defer context.AfterFunc(ctx, func() { u.end(context.Cause(ctx)) })()
	err := u.commit()
	if err != nil {
		u.stop(err)
		u.session.abandon(ctx)
	}
	u.err = errEnded
	return u.wrap(err)
}

func (u *upload) commit() error {
	switch {
	case u.err != nil:
		return u.err
	case u.written != u.d.Size:
		return fmt.Errorf("%w: %d bytes were written, the descriptor says %d", oci.ErrMismatch, u.written, u.d.Size)
	case u.isSmall():
		return u.session.putWhole(u.ctx, u.filling)
	}
	if u.filling != nil {
		if err := u.flush(); err != nil {
			return err
		}
	}
	if err := u.await(); err != nil {
		return err
	}
	if u.stream != nil {
		return u.stream.finish()
	}
	return u.session.finish(u.ctx)
}

// Cancel implements [oci.Upload].
func (u *upload) Cancel(ctx context.Context) error {
	if u.err == errEnded {
		return nil
	}
	defer u.release()
	u.stop(errCancelled)
	u.err = errEnded
	return u.wrap(u.session.cancel(ctx))
}

// stop ends what is going on.
func (u *upload) stop(cause error) {
	u.end(cause)
	if u.sent != nil {
		<-u.sent
		u.sent = nil
	}
	if u.stream != nil {
		u.stream.stop(cause)
	}
}

// release gives everything back.
func (u *upload) release() {
	u.end(nil)
	u.settle(chunksUnknown)
	for _, b := range []*[]byte{&u.filling, &u.spare, &u.sending} {
		u.memory.put(*b)
		*b = nil
	}
}
