package term

import (
	"io"
	"os"
	"runtime"
	"testing"
)

func TestSilentWithoutTerminal(t *testing.T) {
	t.Setenv("TERM", "xterm")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b := New(w, "pull", 100)
	if b != nil {
		t.Error("a bar on a pipe")
	}
	if b.Above(w) != io.Writer(w) {
		t.Error("lines without a bar go elsewhere")
	}
	b.Add(50)
	b.Done(true)
	b.Done(false)
	b.Add(1)
	w.Close()
	if out, err := io.ReadAll(r); err != nil || len(out) != 0 {
		t.Errorf("a pipe got %q, %v", out, err)
	}
	if New(nil, "pull", 100) != nil {
		t.Error("a bar on no file")
	}
}

func TestIsDumb(t *testing.T) {
	for term, want := range map[string]bool{"dumb": true, "": runtime.GOOS != "windows", "xterm-256color": false} {
		if got := isDumb(term); got != want {
			t.Errorf("TERM=%q: %v, want %v", term, got, want)
		}
	}
}
