//go:build unix

package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
)

func filesIn(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

var allFiles = []string{
	"app.recovery.json", "app.tar.001", "app.tar.002", "app.tar.003", "app.tar.rec.001", "app.tar.rec.002",
	"app.volumes.json",
}

// TestKilledExportOfVolumes checks that a killed export leaves nothing under a final
// name, that the next one removes its partial files, and that an interrupted one
// leaves nothing.
func TestKilledExportOfVolumes(t *testing.T) {
	t.Parallel()
	reg := serveRegistry(t)
	dir := t.TempDir()
	args := func(host string) []string {
		return []string{
			"export", host + "/acme/app:v1", "--allow-http-registry",
			"--accept-reference", "stuck.example.com/acme/app=" + fixture.Host + "app",
			"--key", testdataKey(t, "cosign.pub"), "--rekor-key", testdataKey(t, "rekor.pub"),
			"-o", "app.tar", "--jobs", "1", "--volume-size", "10000", "--recovery", "30",
		}
	}
	for _, sig := range []os.Signal{syscall.SIGKILL, os.Interrupt} {
		cmd, stderr := start(t, dir, nil, environment(t, dir, reg), args("stuck.example.com")...)
		select {
		case <-reg.stuck:
		case <-time.After(20 * time.Second):
			t.Fatal("export asked for no layer")
		}
		if sig == os.Interrupt {
			const want = "This run wrote nothing under app.tar."
			if got := interrupted(t, cmd, stderr, sig); !strings.Contains(got, want) {
				t.Errorf("stderr %q", got)
			}
		} else {
			killed(t, cmd, stderr)
		}
		left := filesIn(t, dir)
		partial := slices.ContainsFunc(left, func(name string) bool { return strings.HasPrefix(name, ".app.tar.") })
		final := slices.ContainsFunc(left, func(name string) bool { return strings.HasPrefix(name, "app") })
		if final || partial != (sig == syscall.SIGKILL) {
			t.Errorf("%s: left %v", sig, left)
		}
	}
	rest := args("registry.example.com")
	rest = slices.DeleteFunc(rest, func(a string) bool {
		return strings.HasPrefix(a, "stuck.") || a == "--accept-reference"
	})
	cmd, stderr := start(t, dir, nil, environment(t, dir, reg), rest...)
	said, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || !slices.Equal(filesIn(t, dir), allFiles) {
		t.Errorf("%v, left %v: %s", err, filesIn(t, dir), bytes.TrimSpace(said))
	}
}

func killed(t *testing.T, cmd *exec.Cmd, stderr io.Reader) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.ReadAll(stderr)
	_ = cmd.Wait()
}
