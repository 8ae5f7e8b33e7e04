package atomicfile

import (
	"errors"
	"io/fs"
	"os"
)

// NoFollow is no flag: [os.OpenFile] cannot refuse links on Windows, where only
// administrators make symbolic links by default.
const NoFollow = 0

// partialLock needs no data, since the open handle is the lock: Windows does not
// delete a file that is open without FILE_SHARE_DELETE, which os.OpenFile does
// not set. LockFileEx would not do, because it also blocks the writes of the same
// process through another handle.
type partialLock struct{}

func (*partialLock) take(*os.File) error { return nil }

// removeIfUnused removes path. It fails, as intended, if the file is still being
// written.
func removeIfUnused(path string) { _ = os.Remove(path) }

// publish closes the file before it renames it, since Windows cannot rename an
// open file. If another process removes the file in between, the rename fails;
// the final name never refers to an incomplete file.
func (f *File) publish() error {
	if err := f.File.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), f.path)
}

func (f *File) discard() error {
	_ = f.File.Close() // an open file cannot be removed
	err := os.Remove(f.Name())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncFolder does nothing: Windows cannot flush a folder, and NTFS journals names.
func syncFolder(string) error { return nil }
