//go:build !windows

package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
)

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestLockedPartialStays(t *testing.T) {
	dir := t.TempDir()
	live := ".out.tar.0123456789abcdef.partial"
	write(t, filepath.Join(dir, live), "live", 0o600)
	lock := flock.New(filepath.Join(dir, live))
	if ok, err := lock.TryLock(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	defer lock.Unlock()
	if err := mustCreate(t, filepath.Join(dir, "out.tar")).Abort(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, live)
}

// TestPlantedPartialsAreNotOpened puts a link and a pipe with names of partial
// files into the folder. Opening the pipe would block.
func TestPlantedPartialsAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "precious"), "x", 0o600)
	pipe, link := ".out.tar.0123456789abcdef.partial", ".out.tar.1123456789abcdef.partial"
	err := errors.Join(
		syscall.Mkfifo(filepath.Join(dir, pipe), 0o600),
		os.Symlink("precious", filepath.Join(dir, link)),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := mustCreate(t, filepath.Join(dir, "out.tar")).Abort(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, pipe, link, "precious")
}

func TestLostRace(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "p"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	other := newLock(f.Name())
	if ok, err := other.TryLock(); err != nil || !ok {
		t.Fatal(ok, err)
	}
	var l partialLock
	if err := l.take(f); !errors.Is(err, errLostRace) {
		t.Errorf("locked by a clean-up: %v", err)
	}
	if err := errors.Join(os.Remove(f.Name()), other.Unlock()); err != nil {
		t.Fatal(err)
	}
	if err := l.take(f); !errors.Is(err, errLostRace) {
		t.Errorf("removed by a clean-up: %v", err)
	}
	write(t, f.Name(), "another file of that name", 0o600)
	if err := l.take(f); !errors.Is(err, errLostRace) {
		t.Errorf("replaced: %v", err)
	}
	l.release()
}

func TestPermissions(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o027))
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	f := mustCreate(t, path)
	if got := mode(t, f.Name()); got != 0o600 {
		t.Errorf("partial file: %o, want 600", got)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	if got := mode(t, path); got != 0o640 {
		t.Errorf("new file under umask 027: %o, want 640", got)
	}
	if err := os.Chmod(path, 0o604); err != nil {
		t.Fatal(err)
	}
	if err := mustCreate(t, path).Commit(); err != nil {
		t.Fatal(err)
	}
	if got := mode(t, path); got != 0o604 {
		t.Errorf("replaced file: %o, want the 604 it had", got)
	}
}

// TestSymbolicLinkIsRefused: what a link leads to is neither replaced nor created.
func TestSymbolicLinkIsRefused(t *testing.T) {
	outside := t.TempDir()
	for name, to := range map[string]string{
		"relative": "real/out.tar", "dangling": "real/new.tar", "two hops": "hop", "loop": "link", "a folder": "real",
		"absolute": filepath.Join(outside, "out.tar"), "a stream": "/dev/stdout",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			link := filepath.Join(dir, "link")
			err := errors.Join(
				os.Mkdir(filepath.Join(dir, "real"), 0o755),
				os.Symlink("real/out.tar", filepath.Join(dir, "hop")),
				os.Symlink(to, link),
			)
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "real/out.tar"), "old", 0o644)
			_, err = Create(link)
			want := fmt.Sprintf("write %q: not a regular file: it is a symbolic link to %q, and gapseal does not write "+
				"through links; name the file that it leads to, or remove the link", link, to)
			if !errors.Is(err, ErrNotRegular) || err.Error() != want {
				t.Errorf("got  %v\nwant %s", err, want)
			}
			if again := Check(link); again == nil || again.Error() != want {
				t.Errorf("Check says %v", again)
			}
			wantNames(t, dir, "hop", "link", "real")
			wantNames(t, filepath.Join(dir, "real"), "out.tar")
			wantContent(t, filepath.Join(dir, "real/out.tar"), "old")
			wantNames(t, outside)
		})
	}
}

// TestLinkedFolder: the folders in a path may be links, as /var is on macOS.
func TestLinkedFolder(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "real"), 0o755),
		os.Symlink("real", filepath.Join(dir, "folder"))); err != nil {
		t.Fatal(err)
	}
	f := mustCreate(t, filepath.Join(dir, "folder/out.tar"))
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, filepath.Join(dir, "real/out.tar"), "new")
}

// TestLinkPlantedWhileWriting: a link that takes the final name while the file is
// being written is replaced, and what it leads to stays as it is.
func TestLinkPlantedWhileWriting(t *testing.T) {
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "out.tar")
	write(t, precious, "precious", 0o644)
	f := mustCreate(t, path)
	if err := os.Symlink(precious, path); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "new")
	wantContent(t, precious, "precious")
}

// TestLinkInPlaceOfAPartial: a link that takes the place of a stale partial file
// between listing the folder and locking is removed at most, and not opened.
func TestLinkInPlaceOfAPartial(t *testing.T) {
	dir := t.TempDir()
	precious, link := filepath.Join(dir, "precious"), filepath.Join(dir, ".out.tar.0123456789abcdef.partial")
	write(t, precious, "precious", 0o644)
	if err := os.Symlink(precious, link); err != nil {
		t.Fatal(err)
	}
	removeIfUnused(link)
	wantNames(t, dir, filepath.Base(link), "precious")
	if _, err := tryPartial(link); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a link in place of a new partial file: %v", err)
	}
	wantContent(t, precious, "precious")
}

func TestNotRegular(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ path, found string }{
		{dir, "a folder"}, {filepath.Join(dir, "new") + "/", "the name of a folder"}, {"", "the name of a folder"},
		{pipe, "a named pipe"}, {"/dev/null", "a device"},
		{"/dev/stdout", "an open stream"}, {"/dev/fd/1", "an open stream"},
		{"/proc/self/fd/1", "an open stream"},
	} {
		_, err := Create(c.path)
		if !errors.Is(err, ErrNotRegular) {
			t.Errorf("%q: got %v", c.path, err)
		} else if !strings.Contains(err.Error(), "it is "+c.found+";") {
			t.Errorf("%q: want %q in: %v", c.path, c.found, err)
		}
	}
	wantNames(t, dir, "pipe")
}

func TestReadOnlyFolder(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o755)
	path := filepath.Join(dir, "out.tar")
	_, err := Create(path)
	if !errors.Is(err, fs.ErrPermission) {
		t.Fatalf("got %v", err)
	}
	s := err.Error()
	if !strings.HasPrefix(s, "create "+path+": permission denied") || !strings.Contains(s, "must be writable") ||
		strings.Contains(s, partialSuffix) {
		t.Errorf("unhelpful: %s", s)
	}
}
