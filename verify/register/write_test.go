package register

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/gapseal/gapseal/internal/atomicfile"
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
	spelled := func(w io.Writer) error {
		_, err := w.Write(chain(t, 1, nil)[0])
		return err
	}
	if err := r.publish(l, 1, spelled); !errors.Is(err, fs.ErrExist) {
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

// What another user puts in the place of the lock, of a new entry or of its partial
// file is not followed: nothing outside of the folder is created or changed.
func TestPlantedLinksAreNotFollowed(t *testing.T) {
	for name, c := range map[string]struct {
		at   string // the name of the link
		want error  // nil: the link is replaced
	}{
		"the lock":       {lockName, atomicfile.ErrNotRegular},
		"an entry":       {fileName(1), nil}, // damaged: asserted below
		"a partial file": {partialPrefix + fileName(1), nil},
	} {
		for _, exists := range []bool{false, true} {
			r, elsewhere := folder(t, nil), filepath.Join(t.TempDir(), "precious")
			if exists {
				if err := os.WriteFile(elsewhere, []byte("precious"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(elsewhere, filepath.Join(r.dir, c.at)); err != nil {
				t.Skip(err) // not every user may make links
			}
			_, err := r.Append(t.Context(), sample(1))
			damaged := (*DamagedError)(nil)
			if at := fileName(1); c.at == at && !errors.As(err, &damaged) || c.at != at && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if raw, err := os.ReadFile(elsewhere); exists && string(raw) != "precious" ||
				!exists && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: what the link leads to is %q, %v", name, raw, err)
			}
		}
	}
}
