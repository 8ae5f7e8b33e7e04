package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func mustCreate(t *testing.T, path string) *File {
	t.Helper()
	f, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Abort() })
	return f
}

func write(t *testing.T, path, content string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

func wantContent(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Fatalf("%s holds %q (%v), want %q", path, got, err, want)
	}
}

// wantNames requires exactly these names in dir, including hidden ones.
func wantNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("the folder holds %q, want %q", got, want)
	}
}

func TestFinalNameAppearsWithCommitOnly(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	f := mustCreate(t, path)
	if _, err := f.WriteAt([]byte("second"), 6); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("first ")); err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(f.Name()) != dir || !isPartialOf(filepath.Base(f.Name()), "out.tar") {
		t.Fatalf("the partial file is %s", f.Name())
	}
	wantNames(t, dir, filepath.Base(f.Name()))
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, "out.tar")
	wantContent(t, path, "first second")
}

func TestExistingFileStaysUntilCommit(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	write(t, path, "old", 0o644)
	f := mustCreate(t, path)
	if _, err := f.Write([]byte("new")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "old")
	if err := f.Commit(); err != nil {
		t.Fatal(err)
	}
	wantContent(t, path, "new")
}

func TestAbortLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	write(t, path, "old", 0o644)
	f := mustCreate(t, path)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	wantNames(t, dir, "out.tar")
	wantContent(t, path, "old")
	if _, err := f.Write([]byte("late")); !errors.Is(err, fs.ErrClosed) {
		t.Fatalf("write after Abort: %v", err)
	}
}

func TestEndsOnce(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	f := mustCreate(t, path)
	for range 2 {
		if err := f.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := f.Abort(); err != nil {
			t.Fatal(err)
		}
	}
	wantNames(t, dir, "out.tar")

	g := mustCreate(t, path)
	for range 2 {
		if err := g.Abort(); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Fatalf("Commit after Abort: %v", err)
	}
}

func TestFailedCommitLeavesNoTrace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	f := mustCreate(t, path)
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := f.Commit()
	if err == nil || !strings.HasPrefix(err.Error(), "move the finished file to "+path) {
		t.Fatalf("got %v", err)
	}
	if again := f.Commit(); again != err {
		t.Fatalf("the second Commit says %v", again)
	}
	wantNames(t, dir, "out.tar")
}

func TestConcurrentWritersOfOneName(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.tar")
	const writers = 16
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			f, err := Create(path)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := f.Write([]byte("whole")); err != nil {
				t.Error(err)
			}
			if err := f.Commit(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	wantNames(t, dir, "out.tar")
	wantContent(t, path, "whole")
}

func TestMissingFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	path := filepath.Join(dir, "out.tar")
	_, err := Create(path)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("got %v", err)
	}
	s := err.Error()
	if !strings.HasPrefix(s, "create "+path+": ") || !strings.Contains(s, "make the folder "+dir) ||
		strings.Contains(s, partialSuffix) {
		t.Errorf("unhelpful: %s", s)
	}
}

func FuzzPartialNames(f *testing.F) {
	f.Add("out.tar", ".out.tar.0123456789abcdef.partial")
	f.Add("a", ".a.b.0123456789abcdef.partial")
	f.Add("", "..0123456789abcdef.partial")
	f.Fuzz(func(t *testing.T, base, name string) {
		if !isPartialOf(partialName(base), base) {
			t.Errorf("%q does not recognise its own partial file", base)
		}
		if isPartialOf(name, base) && len(name) != len(partialName(base)) {
			t.Errorf("%q passes for a partial file of %q", name, base)
		}
		if isPartialOf(name, base) && isPartialOf(name, base+"x") {
			t.Errorf("%q passes for a partial file of two names", name)
		}
	})
}
