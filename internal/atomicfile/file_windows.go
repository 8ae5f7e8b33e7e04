package atomicfile

import (
	"errors"
	"io/fs"
	"os"
)

// partialLock is the open handle itself: Windows deletes no file that is open
// without FILE_SHARE_DELETE, and os.OpenFile does not ask for that. A lock by
// LockFileEx would be in the way, since it also stops the writes of its own
// process that go through another handle.
type partialLock struct{}

func (*partialLock) take(*os.File) error { return nil }

// removeIfUnused fails, as it should, on a file that is still being written.
func removeIfUnused(path string) { _ = os.Remove(path) }

// publish closes first, since an open file cannot be renamed either. If
// another run's clean-up comes between the two, the rename fails and says so;
// the final name is still never half written.
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

// syncFolder does nothing: Windows cannot flush a folder, NTFS journals names.
func syncFolder(string) error { return nil }
