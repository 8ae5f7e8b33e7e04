//go:build !windows

package atomicfile

import (
	"errors"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// partialLock tells a file being written from one that a killed process left:
// the kernel drops the lock with the process.
type partialLock struct{ held *flock.Flock }

func newLock(path string) *flock.Flock {
	// Without O_CREATE: a file that has vanished must not come back empty.
	return flock.New(path, flock.SetFlag(os.O_RDWR))
}

// take locks f. It returns errLostRace if another process took f for a stale
// one between its creation and now.
func (l *partialLock) take(f *os.File) error {
	lock := newLock(f.Name())
	ok, err := lock.TryLock()
	switch {
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, syscall.ENOLCK):
		return nil // nobody can lock here, so nobody can find f unlocked either
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

// removeIfUnused removes path while it holds its lock.
func removeIfUnused(path string) {
	lock := newLock(path)
	if ok, err := lock.TryLock(); err != nil || !ok {
		return
	}
	_ = os.Remove(path)
	_ = lock.Unlock()
}
