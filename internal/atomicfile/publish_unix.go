//go:build !windows

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// publish renames before it lets go of the lock: an unlocked partial file is
// one that another run may remove.
func (f *File) publish() error {
	if err := os.Rename(f.Name(), f.path); err != nil {
		return err
	}
	f.lock.release()
	_ = f.File.Close() // Sync has said all there is to say about the data
	return nil
}

func (f *File) discard() error {
	err := os.Remove(f.Name())
	f.lock.release()
	_ = f.File.Close() // nothing of it is wanted
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncFolder makes a rename in dir durable. Where that cannot be done, in a
// folder that may not be read or on a file system without the call, there is
// no more to offer.
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
