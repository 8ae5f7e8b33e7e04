package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrNotRegular is the error for a name that refers to a folder, a device, a pipe, a
// symbolic link or another thing that a file cannot or must not replace.
var ErrNotRegular = errors.New("not a regular file")

// Check returns the error with which [Create] would refuse path for what is there
// now, nil if path is free or is a regular file.
func Check(path string) error {
	_, err := existing(path)
	return err
}

// existing returns the current state of the file at path, nil if there is none. A
// symbolic link is refused: anyone who may write to a folder that others use could
// otherwise choose which of their files is replaced. Links to the folders in path
// are the system's and the user's own, and are followed.
func existing(path string) (fs.FileInfo, error) {
	if path == "" || os.IsPathSeparator(path[len(path)-1]) {
		return nil, notRegular(path, "the name of a folder")
	}
	if isStream(path) {
		return nil, notRegular(path, "an open stream")
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, explainCreate(path, filepath.Dir(path), err)
	case info.Mode().IsRegular():
		return info, nil
	case info.Mode()&fs.ModeSymlink != 0:
		return nil, linked(path)
	}
	return nil, notRegular(path, Kind(info.Mode()))
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

func linked(path string) error {
	to, _ := os.Readlink(path) // only for the message
	return fmt.Errorf("write %q: %w: it is a symbolic link to %.200q, and gapseal does not write through links; "+
		"name the file that it leads to, or remove the link", path, ErrNotRegular, to)
}

// Kind says what a file that is not regular is, such as "a folder".
func Kind(m fs.FileMode) string {
	switch {
	case m.IsRegular():
		return "a file"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
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
