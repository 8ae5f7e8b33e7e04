//go:build !windows

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

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
