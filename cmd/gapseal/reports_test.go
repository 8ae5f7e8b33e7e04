package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify"
)

// If one report cannot be written, none appears, and an older one stays as it is.
func TestReportsAreWrittenAllOrNone(t *testing.T) {
	dir, broken := t.TempDir(), errors.New("broken")
	old := filepath.Join(dir, "old.csv")
	if err := os.WriteFile(old, []byte("as it was"), 0o644); err != nil {
		t.Fatal(err)
	}
	list, err := parseReports([]string{
		"csv=" + old, "json=" + filepath.Join(dir, "new.json"), "html=" + filepath.Join(dir, "new.html"),
	}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	list[2].Write = func(w io.Writer, _ *verify.Report) error {
		_, _ = io.WriteString(w, strings.Repeat("half", 4000))
		return broken
	}
	if err := list.create(); err != nil {
		t.Fatal(err)
	}
	err = list.write(&verify.Report{}, nil)
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "--report html=") {
		t.Errorf("%v", err)
	}
	list.abort()
	entries, err := os.ReadDir(dir)
	if raw, rerr := os.ReadFile(old); err != nil || rerr != nil || len(entries) != 1 || string(raw) != "as it was" {
		t.Errorf("%v, %q, %v, %v", entries, raw, err, rerr)
	}
}
