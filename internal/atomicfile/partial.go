package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	partialSuffix = ".partial"
	randomBytes   = 8

	// maxAttempts bounds the names that are tried. A second one is needed only if
	// another process cleans up between the creation of the file and its lock.
	maxAttempts = 16
)

var errLostRace = errors.New("another process is cleaning up in this folder; try again")

func partialName(base string) string {
	var b [randomBytes]byte
	_, _ = rand.Read(b[:]) // never fails, by its documentation
	return "." + base + "." + hex.EncodeToString(b[:]) + partialSuffix
}

// isPartialOf reports whether name is that of a partial file of base. It compares
// the exact form, since a partial file of "app.tar.bak" is none of "app.tar".
func isPartialOf(name, base string) bool {
	random, ok := strings.CutPrefix(name, "."+base+".")
	if !ok {
		return false
	}
	random, ok = strings.CutSuffix(random, partialSuffix)
	if !ok || len(random) != 2*randomBytes {
		return false
	}
	_, err := hex.DecodeString(random)
	return err == nil
}

// removeStale removes the partial files that killed processes left. It ignores
// errors, because a file that cannot be removed does no harm.
func removeStale(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Type().IsRegular() && isPartialOf(e.Name(), base) {
			removeIfUnused(filepath.Join(dir, e.Name()))
		}
	}
}

func openPartial(dir, base string) (*File, error) {
	for range maxAttempts {
		f, err := tryPartial(filepath.Join(dir, partialName(base)))
		if err == nil || !errors.Is(err, errLostRace) && !errors.Is(err, fs.ErrExist) {
			return f, err
		}
	}
	return nil, errLostRace
}

func tryPartial(path string) (*File, error) {
	// With 0666 the kernel applies the umask or the folder's default ACL; Commit
	// restores the resulting mode. The umask cannot be read without changing it
	// for the whole process.
	of, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	f := &File{File: of}
	if err := f.secure(); err != nil {
		return nil, errors.Join(err, f.discard())
	}
	return f, nil
}

func (f *File) secure() error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	f.mode = info.Mode().Perm()
	if err := f.setMode(0o600); err != nil {
		return err
	}
	return f.lock.take(f.File)
}

// setMode sets the permissions, and ignores a refusal: FAT, the file system of
// most USB sticks, has no permissions and answers EPERM.
func (f *File) setMode(mode fs.FileMode) error {
	err := f.Chmod(mode)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// explainCreate returns an error that names the requested file, and not the
// partial file, which the caller does not know.
func explainCreate(path, dir string, err error) error {
	remedy := "check the folder " + dir
	switch {
	case errors.Is(err, fs.ErrNotExist):
		remedy = "make the folder " + dir + " first"
	case errors.Is(err, fs.ErrPermission):
		remedy = "the file is first written under a temporary name, so the folder " + dir + " must be writable"
	}
	return fmt.Errorf("%w (%s)", &fs.PathError{Op: "create", Path: path, Err: cause(err)}, remedy)
}

// cause removes the operation and the path that package os adds to an error,
// since the path is that of the partial file.
func cause(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	var linkErr *os.LinkError
	if errors.As(err, &linkErr) {
		return linkErr.Err
	}
	return err
}
