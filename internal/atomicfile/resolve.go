package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotRegular says that the name to write to is a folder, a device, a pipe
// or the like, which a rename cannot or must not replace.
var ErrNotRegular = errors.New("not a regular file")

const maxLinks = 40 // as Linux does

// resolve follows symbolic links at the end of path, also one whose target
// does not exist yet, and returns where the file belongs and what is there
// now, nil if nothing.
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

// follow leaves the folders of the path to the operating system, which alone
// knows what ".." means behind a linked folder.
func follow(link string) (string, error) {
	to, err := os.Readlink(link)
	if err != nil || filepath.IsAbs(to) {
		return to, err
	}
	dir, _ := filepath.Split(link)
	return dir + to, nil
}

// isStream reports names of open file descriptors. They can lead to a regular
// file ("> out.tar"), and still a rename would not reach whoever reads them.
func isStream(path string) bool {
	p := filepath.ToSlash(path)
	switch p {
	case "/dev/stdin", "/dev/stdout", "/dev/stderr":
		return true
	}
	return strings.HasPrefix(p, "/dev/fd/") || strings.HasPrefix(p, "/proc/") && strings.Contains(p, "/fd/")
}

func notRegular(path, found string) error {
	return fmt.Errorf("write %q: %w: it is %s; give the name of a file, in a folder that can be written", path, ErrNotRegular, found)
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
