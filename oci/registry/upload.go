package registry

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gapseal/gapseal/oci"
)

// Upload begins to store the blob d in repo.
//
// A blob of at most 4 MiB is sent by Commit in one request, and again after a fault. A
// larger one is sent while it is written, in one request as long as nothing fails. The
// last 12 MiB stay in memory. After a fault the registry is asked how much it has, and
// the upload goes on from there in chunks of 10 MiB, each of which is kept until the
// registry has it. Later uploads to that registry begin with chunks, unless it refuses
// them. An upload fails if the registry lost more than what is in memory, or does not
// say how much it has; a new upload of the same blob may then succeed.
//
// An upload takes memory with its first byte, and gives it back when it ends. If
// other uploads hold all of it (48 MiB), a write waits until one of them ends, so no
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
	u := &upload{d: d, memory: t.memory,
		session: session{r: r, d: d, chunk: t.memory.chunk, faulty: t.faultyOf(r.name.RegistryStr())},
		wrap:    func(err error) error { return explainPush(what, repo, err) }}
	u.ctx, u.end = context.WithCancelCause(ctx)
	return u, nil
}

// faultyOf returns the mark that says whether sending to a registry has failed.
func (t *Target) faultyOf(host string) *atomic.Bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.faulty[host] == nil {
		t.faulty[host] = new(atomic.Bool)
	}
	return t.faulty[host]
}

// upload implements [oci.Upload].
type upload struct {
	d      oci.Descriptor
	memory *buffers
	wrap   func(error) error
	ctx    context.Context
	end    context.CancelCauseFunc

	written int64
	err     error  // final, or nil
	buffer  []byte // of the window, or the small blob itself; nil before the first byte

	session session
	window  *window       // nil for a small blob
	done    chan struct{} // closed when sending has ended; nil before it begins
	sendErr error         // why not all was sent; read it after done
}

var (
	errEnded     = errors.New("the upload has ended")
	errCancelled = errors.New("the upload was cancelled")
)

// Write implements [io.Writer].
func (u *upload) Write(p []byte) (n int, err error) {
	if int64(len(p)) > u.d.Size-u.written && u.err == nil {
		u.err = mismatch("more than the %d bytes that the descriptor says were written", u.d.Size)
	}
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
	case u.buffer == nil:
		return 0, u.begin()
	case u.window != nil:
		return u.window.write(p)
	}
	u.buffer = append(u.buffer, p...)
	return len(p), nil
}

func (u *upload) isSmall() bool { return u.d.Size <= u.memory.small }

// begin takes memory, and begins to send a large blob.
func (u *upload) begin() (err error) {
	if u.isSmall() {
		u.buffer, err = u.memory.get(u.ctx, u.d.Size)
		return err
	}
	if u.buffer, err = u.memory.get(u.ctx, u.memory.window); err != nil {
		return err
	}
	u.window = newWindow(u.buffer[:cap(u.buffer)], u.memory.window-u.memory.chunk)
	u.done = make(chan struct{})
	// A request that is cancelled ends only once nothing reads its body any more, and the
	// body may be waiting for bytes that are not going to be written.
	window, ctx := u.window, u.ctx
	context.AfterFunc(ctx, func() { window.fail(context.Cause(ctx)) })
	go func() {
		defer close(u.done)
		if u.sendErr = u.session.send(u.ctx, u.window); u.sendErr != nil {
			u.window.fail(u.sendErr)
		}
	}()
	return nil
}

// Commit implements [oci.Upload].
func (u *upload) Commit(ctx context.Context) error {
	if u.err == errEnded {
		return u.wrap(u.err)
	}
	defer u.release()
	defer context.AfterFunc(ctx, func() { u.end(context.Cause(ctx)) })()
	err := u.commit()
	if err != nil {
		u.stop(err)
		u.session.abandon(ctx)
	}
	return u.wrap(err)
}

func (u *upload) commit() error {
	switch {
	case u.err != nil:
		return u.err
	case u.written != u.d.Size:
		return mismatch("%d bytes were written, the descriptor says %d", u.written, u.d.Size)
	case u.isSmall():
		return u.session.putWhole(u.ctx, u.buffer)
	}
	<-u.done
	if u.sendErr != nil {
		return u.sendErr
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
	return u.wrap(u.session.cancel(ctx))
}

// stop ends the sending, and waits until it has ended.
func (u *upload) stop(cause error) {
	u.end(cause)
	if u.done != nil {
		<-u.done
	}
}

// release marks the upload as ended, and gives its memory back.
func (u *upload) release() {
	u.end(nil)
	u.err = errEnded
	u.memory.put(u.buffer)
	u.buffer = nil
}
