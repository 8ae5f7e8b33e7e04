//go:build !windows

package atomicfile

import (
	"errors"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// partialLock is held while a file is being written. The kernel releases it when
// the process ends, so an unlocked partial file is one that a killed process
// left.
type partialLock struct{ held *flock.Flock }

func newLock(path string) *flock.Flock {
	// No O_CREATE: a file that was removed must not be created again, empty.
	return flock.New(path, flock.SetFlag(os.O_RDWR))
}

// take locks f. It returns errLostRace if another process mistook f for a stale
// file before it was locked.
func (l *partialLock) take(f *os.File) error {
	lock := newLock(f.Name())
	ok, err := lock.TryLock()
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK):
		return nil // without locks, no other process considers f unlocked either
	case errors.Is(err, os.ErrNotExist), err == nil && !ok:
		return errLostRace
	case err != nil:
		return err
	}
	l.held = lock
	if !sameFile(f) {
		return errLostRace
	}
	return nil
}

func sameFile(f *os.File) bool {
	open, err1 := f.Stat()
	named, err2 := os.Lstat(f.Name())
	return err1 == nil && err2 == nil && os.SameFile(open, named)
}

func (l *partialLock) release() {
	if l.held != nil {
		_ = l.held.Unlock()
	}
}

// removeIfUnused locks path and removes it. If the lock is held, it does nothing.
func removeIfUnused(path string) {
	lock := newLock(path)
	if ok, err := lock.TryLock(); err != nil || !ok {
		return
	}
	_ = os.Remove(path)
	_ = lock.Unlock()
}
