package load

import (
	"context"
	"slices"
	"sync"
	"time"
)

// written remembers which lists of referrers were written, and when the last of them was.
type written struct {
	mu   sync.Mutex
	keys map[string]bool
	last time.Time
}

func (w *written) add(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.keys == nil {
		w.keys = map[string]bool{}
	}
	w.keys[key], w.last = true, time.Now()
}

// settle looks once more at the lists of referrers that this load wrote into tags. A
// registry cannot lock a tag: a load that runs at the same time may have replaced such a
// list after it was read back. What is missing is added again. After an interrupt, images
// with such lists do not count as read back.
func (r *run) settle(ctx context.Context) error {
	if r.Settle == 0 || r.written.keys == nil {
		return nil
	}
	err := r.lookAgain(ctx)
	for _, img := range r.live() {
		if err != nil && slices.ContainsFunc(img.referrers, func(l referrers) bool {
			return r.written.keys[key(img.repo, l.subject)]
		}) {
			img.ReadBack = false
		}
	}
	return err
}

func (r *run) lookAgain(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(r.written.last.Add(r.Settle))):
	}
	return each(ctx, r.Jobs, r.live(), func(ctx context.Context, img *image) {
		for _, l := range img.referrers {
			at := key(img.repo, l.subject)
			if !r.written.keys[at] {
				continue
			}
			if err := r.lists.alone(at, func() error { return r.listAgain(ctx, img.repo, l) }); err != nil {
				if ctx.Err() != nil {
					return
				}
				img.ReadBack = false
				img.fail(&ReadBackError{[]string{err.Error()}})
			}
		}
	})
}

func (r *run) listAgain(ctx context.Context, repo string, l referrers) error {
	if r.listed(ctx, repo, l) == nil {
		return nil
	}
	if err := r.list(ctx, repo, l); err != nil {
		return err
	}
	return r.listed(ctx, repo, l)
}
