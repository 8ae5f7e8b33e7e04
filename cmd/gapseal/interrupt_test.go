//go:build unix

package main

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
)

// start runs gapseal as a process of its own, as scripts do.
func start(t *testing.T, dir string, stdin *os.File, env []string, args ...string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "gapseal", args...)
	cmd.Dir, cmd.Stdin, cmd.Env = dir, stdin, append(os.Environ(), env...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewReader(stderr)
}

// interrupted sends a signal, checks for the exit code of an interrupt and returns
// the rest of stderr.
func interrupted(t *testing.T, cmd *exec.Cmd, stderr io.Reader, sig os.Signal) string {
	t.Helper()
	if err := cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(stderr)
	if err != nil {
		t.Fatal(err)
	}
	exit := (*exec.ExitError)(nil)
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("%v, want exit status %d", err, exitInterrupted)
	}
	return string(raw)
}

// An interrupted export leaves no file, neither the bundle nor a part of it.
func TestInterruptedExportLeavesNothing(t *testing.T) {
	t.Parallel()
	reg := serveRegistry(t)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		dir := t.TempDir()
		cmd, stderr := start(t, dir, nil, environment(t, dir, reg),
			"export", "stuck.example.com/acme/app:v1", "--allow-http-registry",
			"--accept-reference", "stuck.example.com/acme/app="+fixture.Host+"app",
			"--key", testdataKey(t, "cosign.pub"), "--rekor-key", testdataKey(t, "rekor.pub"),
			"-o", "app.tar", "--jobs", "1")
		select {
		case <-reg.stuck:
		case <-time.After(20 * time.Second):
			t.Fatal("export asked for no layer")
		}
		const want = "gapseal: interrupted\nThis run wrote nothing under app.tar. Run the same export again.\n"
		if got := interrupted(t, cmd, stderr, sig); !strings.HasSuffix(got, want) {
			t.Errorf("stderr %q, want %q at its end", got, want)
		}
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("left %v, %v", left, err)
		}
	}
}

// An interrupted load gives its uploads up, and sets no tag.
func TestInterruptedLoadSetsNoTag(t *testing.T) {
	t.Parallel()
	reg := serveRegistry(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.tar"), fixture.Bundle(t, "app:v1"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, stderr := start(t, dir, nil, environment(t, dir, reg),
		"load", "app.tar", "stuck"+plantSuffix, "--allow-http-registry", "--jobs", "1",
		"--key", testdataKey(t, "cosign.pub"), "--rekor-key", testdataKey(t, "rekor.pub"))
	select {
	case <-reg.stuck:
	case <-time.After(20 * time.Second):
		t.Fatal("load sent no layer")
	}
	const want = "gapseal: interrupted\n" +
		"There is no report. No tag is set before a bundle is verified. Run the same load\n  again.\n"
	if got := interrupted(t, cmd, stderr, os.Interrupt); !strings.HasSuffix(got, want) {
		t.Errorf("stderr %q, want %q at its end", got, want)
	}
	w := httptest.NewRecorder()
	reg.plant("stuck"+plantSuffix).ServeHTTP(w, httptest.NewRequest("GET", "/v2/acme/app/manifests/v1", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("the tag: %d", w.Code)
	}
}

// A verification that waits for a pipe can be interrupted, and gives no verdict.
func TestInterruptedVerifyOfAPipe(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	cmd, stderr := start(t, t.TempDir(), read, nil,
		"verify", "-", "--key", testdataKey(t, "other.pub"), "--rekor-key", testdataKey(t, "rekor.pub"))
	raw := fixture.Bundle(t, "app:v1")
	if _, err := write.Write(raw[:len(raw)-1024]); err != nil { // all but its end
		t.Fatal(err)
	}
	line, err := stderr.ReadString('\n')
	if err != nil || !strings.Contains(line, "rejected by its metadata") {
		t.Fatalf("stderr %q, %v", line, err)
	}
	if got := interrupted(t, cmd, stderr, os.Interrupt); got != "gapseal: interrupted\n" {
		t.Errorf("stderr %q", got)
	}
}
