package register

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"sync"
	"testing"
)

// Files that killed writers left are removed, and files with similar names are not.
func TestFilesOfInterruptedWritersAreRemoved(t *testing.T) {
	files := chain(t, 2, nil)
	r := folder(t, files)
	left := partialPrefix + fileName(3)
	write(t, r, left, string(files[0][:50]))
	write(t, r, partialPrefix+fileName(9), "")
	write(t, r, ".writing-notes", "mine")
	res, err := r.Check(t.Context())
	if err != nil || res.Partial != 2 || !slices.Equal(res.Strays, []string{".writing-notes"}) || res.Faulty != 0 || res.Whole() {
		t.Errorf("Check: %+v, %v", res, err)
	}
	appended(t, r, 3)
	res, err = r.Check(t.Context())
	if err != nil || res.Partial != 0 || res.Strayed != 1 || res.Entries != 3 {
		t.Errorf("Check: %+v, %v", res, err)
	}
}

func TestALockedRegisterWaits(t *testing.T) {
	r := folder(t, nil)
	unlock, err := r.lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := r.Append(ctx, sample(1))
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("Append under another's lock: %v", err)
	}
	unlock()
	appended(t, r, 1)
}

// An existing entry is never replaced, whatever wrote it.
func TestNoEntryIsReplaced(t *testing.T) {
	r := folder(t, nil)
	write(t, r, fileName(1), "another file")
	l := &listing{}
	if err := r.publish(l, 1, chain(t, 1, nil)[0]); !errors.Is(err, fs.ErrExist) {
		t.Errorf("publish: %v", err)
	}
	if raw, err := os.ReadFile(r.path(1)); err != nil || string(raw) != "another file" {
		t.Errorf("found %q, %v", raw, err)
	}
	if names, err := r.list(); err != nil || len(names.partial) > 0 {
		t.Errorf("left %v, %v", names.partial, err)
	}
}

func TestConcurrentGoroutinesKeepOneChain(t *testing.T) {
	r := folder(t, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			own, err := Open(r.dir)
			if err != nil {
				t.Error(err)
				return
			}
			for range 5 {
				if _, err := own.Append(t.Context(), sample(1)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if res, err := r.Check(t.Context()); err != nil || !res.Whole() || res.Entries != 40 {
		t.Errorf("Check: %+v, %v", res, err)
	}
}
