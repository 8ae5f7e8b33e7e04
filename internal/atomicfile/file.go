package atomicfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// File is a file being written, not yet under its final name. The methods of
// [os.File] act on the partial file; Name returns the partial file's path.
// It ends with [File.Commit] or [File.Abort], both of which close it.
type File struct {
	*os.File
	path string      // the final name, symbolic links resolved
	mode fs.FileMode // the permissions of the final file
	lock partialLock

	mu   sync.Mutex // Abort may come from a signal handler
	done bool
	err  error // what the first Commit returned
}

// Create removes what a killed run left of path and opens a new partial file
// for it. A symbolic link is followed, so that its target is replaced and not
// the link. The final file gets the permissions that [os.Create] would give
// it; until then only its owner can read it.
//
// The error matches [ErrNotRegular] if path cannot be replaced by a file,
// else what the operating system said.
func Create(path string) (*File, error) {
	target, old, err := resolve(path)
	if err != nil {
		return nil, err
	}
	dir, base := filepath.Split(target)
	if dir == "" {
		dir = "."
	}
	removeStale(dir, base)
	f, err := openPartial(dir, base)
	if err != nil {
		return nil, explainCreate(path, dir, err)
	}
	f.path = target
	if old != nil {
		f.mode = old.Mode().Perm()
	}
	return f, nil
}

// Commit flushes the file to the disk, moves it to its final name, replacing
// what was there, and makes the new name durable where the system can. On
// failure the partial file is removed, and what stood under the final name
// still does, unless the error says that only the folder could not be flushed.
// A second call returns what the first returned.
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
	// Without this a power failure could leave the new name with no content:
	// file systems may write the rename before the data.
	if err := f.Sync(); err != nil {
		return fmt.Errorf("flush %s to the disk: %w", f.path, cause(err))
	}
	if err := f.publish(); err != nil {
		return fmt.Errorf("move the finished file to %s: %w", f.path, cause(err))
	}
	return nil
}

// Abort removes the partial file. After Commit or Abort it does nothing, so it
// can be deferred.
func (f *File) Abort() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done {
		return nil
	}
	f.done, f.err = true, fmt.Errorf("%s was given up: %w", f.path, fs.ErrClosed)
	return f.discard()
}

// Close is Abort: a file that was not committed is not wanted.
func (f *File) Close() error { return f.Abort() }
