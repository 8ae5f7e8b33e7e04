//go:build !windows

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"github.com/gofrs/flock"
)

// NoFollow is the flag of [os.OpenFile] that refuses to follow a symbolic link.
const NoFollow = syscall.O_NOFOLLOW

// partialLock is held while a file is being written. The kernel releases it when
// the process ends, so an unlocked partial file is one that a killed process
// left.
type partialLock struct{ held *flock.Flock }

func newLock(path string) *flock.Flock {
	// No O_CREATE: a file that was removed must not be created again, empty.
	return flock.New(path, flock.SetFlag(os.O_RDWR|NoFollow))
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

// publish renames the file before it releases the lock, because another process
// may remove an unlocked partial file.
func (f *File) publish() error {
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.lock.release()
	_ = f.File.Close() // Sync has already reported errors of writing
	return nil
}

func (f *File) discard() error {
	err := os.Remove(f.Name())
	f.lock.release()
	_ = f.File.Close() // the data is discarded
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncFolder makes a rename in dir durable. It does nothing if the folder may not
// be read, or if the file system does not support flushing a folder.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	err = d.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTTY) {
		return nil
	}
	return err
}
