// Package atomicfile writes a file so that its final name never refers to an
// incomplete file, even if the process is killed or the power fails.
//
// The bytes go to a temporary file in the same folder,
//
//	.<base>.<16 hex digits>.partial
//
// which [File.Commit] flushes to the disk and renames. It is in the same folder
// because a rename is atomic only within one file system. A process that is
// killed leaves its partial file behind. The next [Create] of the same name
// removes such files, but none that a running process is still writing.
package atomicfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// File is a file that is being written and does not have its final name yet. The
// methods of [os.File] act on the partial file, and Name returns its path. End
// with [File.Commit] or [File.Abort]; both close the file.
type File struct {
	*os.File
	path string      // the final name
	mode fs.FileMode // the permissions of the final file
	lock partialLock

	mu   sync.Mutex // Abort may come from a signal handler
	done bool
	err  error // what the first Commit returned
}

// Create opens a new partial file for path, and removes those that killed
// processes left. The final file gets the permissions that [os.Create] would give
// it; before Commit, only its owner can read it.
//
// The error wraps [ErrNotRegular] if path is a symbolic link or another thing that
// a file must not replace, and otherwise the error of the operating system. A link
// that takes the place of path later is replaced by Commit, and not followed.
func Create(path string) (*File, error) {
	old, err := existing(path)
	if err != nil {
		return nil, err
	}
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	removeStale(dir, base)
	f, err := openPartial(dir, base)
	if err != nil {
		return nil, explainCreate(path, dir, err)
	}
	f.path = path
	if old != nil {
		f.mode = old.Mode().Perm()
	}
	return f, nil
}

// Commit flushes the file to the disk, renames it to its final name, replacing
// any file of that name, and makes the new name durable where the system can.
// If it fails, it removes the partial file and leaves the file of the final name
// unchanged, unless the error says that only the folder could not be flushed.
// A second call returns the result of the first.
func (f *File) Commit() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return f.err
	}
	f.done = true
	if f.err = f.finish(); f.err != nil {
		_ = f.discard()
		return f.err
	}
	if err := syncFolder(filepath.Dir(f.path)); err != nil {
		f.err = fmt.Errorf("%s is complete, but a power failure could still undo its rename: %w", f.path, err)
	}
	return f.err
}

func (f *File) finish() error {
	if err := f.setMode(f.mode); err != nil {
		return fmt.Errorf("set the permissions of %s: %w", f.path, cause(err))
	}
	// A file system may write the rename before the data. Without the flush, the
	// new name could refer to an empty file after a power failure.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush %s to the disk: %w", f.path, cause(err))
	}
	if err := f.publish(); err != nil {
		return fmt.Errorf("move the finished file to %s: %w", f.path, cause(err))
	}
	return nil
}

// Abort closes and removes the partial file. After Commit or Abort it does
// nothing, so it can be deferred.
func (f *File) Abort() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return nil
	}
	f.done = true
	f.err = fmt.Errorf("writing %s was aborted: %w", f.path, fs.ErrClosed)
	return f.discard()
}

// Close is the same as Abort.
func (f *File) Close() error { return f.Abort() }

// SyncFolder makes creations, renames and removals in a folder durable, as far
// as the system can. The error is that of the operating system.
func SyncFolder(dir string) error { return syncFolder(dir) }
