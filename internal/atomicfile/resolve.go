package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotRegular is the error for a name that refers to a folder, a device, a pipe
// or another thing that a file cannot or must not replace.
var ErrNotRegular = errors.New("not a regular file")

const maxLinks = 40 // as Linux does

// resolve follows the symbolic links at the end of path, and returns the path of
// the file to write and its current state. The state is nil if no file exists
// there, which may also be true of the target of a link.
func resolve(path string) (string, fs.FileInfo, error) {
	if path == "" || os.IsPathSeparator(path[len(path)-1]) {
		return "", nil, notRegular(path, "the name of a folder")
	}
	target := path
	for range maxLinks {
		if isStream(target) {
			return "", nil, notRegular(path, "an open stream")
		}
		info, err := os.Lstat(target)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return target, nil, nil
		case err != nil:
			return "", nil, explainCreate(path, filepath.Dir(target), err)
		case info.Mode().IsRegular():
			return target, info, nil
		case info.Mode()&fs.ModeSymlink == 0:
			return "", nil, notRegular(path, kind(info.Mode()))
		}
		if target, err = follow(target); err != nil {
			return "", nil, fmt.Errorf("follow the symbolic link %s: %w", path, cause(err))
		}
	}
	return "", nil, fmt.Errorf("follow the symbolic link %s: more than %d links", path, maxLinks)
}

// follow returns the target of a symbolic link. It does not clean the path: only
// the operating system knows what ".." means after a linked folder.
func follow(link string) (string, error) {
	to, err := os.Readlink(link)
	if err != nil || filepath.IsAbs(to) {
		return to, err
	}
	dir, _ := filepath.Split(link)
	return dir + to, nil
}

// isStream reports whether path names an open file descriptor. Even if it is
// open on a regular file ("> out.tar"), a rename would not change what the
// process at its other end reads.
func isStream(path string) bool {
	p := filepath.ToSlash(path)
	switch p {
	case "/dev/stdin", "/dev/stdout", "/dev/stderr":
		return true
	}
	return strings.HasPrefix(p, "/dev/fd/") || strings.HasPrefix(p, "/proc/") && strings.Contains(p, "/fd/")
}

func notRegular(path, found string) error {
	return fmt.Errorf("write %q: %w: it is %s; give the name of a file in a folder that can be written",
		path, ErrNotRegular, found)
}

func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "of an unknown kind"
}
