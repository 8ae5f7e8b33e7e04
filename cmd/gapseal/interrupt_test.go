//go:build unix

package main

import (
	"bufio"
	"crypto/elliptic"
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

// stuckLate begins a load that waits while it reads back the tag that it has set.
func stuckLate(t *testing.T, args ...string) (reg *testRegistry, dir string, cmd *exec.Cmd, stderr *bufio.Reader) {
	t.Helper()
	reg, dir = serveRegistry(t), t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "app.tar"), fixture.Bundle(t, "app:v1"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "reg"), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd, stderr = start(t, dir, nil, environment(t, dir, reg), append([]string{
		"load", "app.tar", "late" + plantSuffix, "--allow-http-registry", "--register", "reg",
		"--key", testdataKey(t, "cosign.pub"), "--rekor-key", testdataKey(t, "rekor.pub"),
	}, args...)...)
	select {
	case <-reg.stuck:
	case <-time.After(20 * time.Second):
		_ = cmd.Process.Kill()
		raw, _ := io.ReadAll(stderr)
		t.Fatalf("load set no tag: %s", raw)
	}
	return reg, dir, cmd, stderr
}

// A load that is interrupted after the verdict is recorded, since images can be reached.
func TestAnInterruptedLoadIsRecorded(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "operator.key")
	writeKey(t, filepath.Dir(key), "operator", elliptic.P256())
	_, dir, cmd, stderr := stuckLate(t, "-o", "json", "--output-file", "report.json", "--report", "junit=r.xml",
		"--sign-report", key, "--receipt", "app.receipt")
	const want = "gapseal: interrupted\nThe bundle is verified, and the report says what was loaded. Run the same load\n" +
		"  again.\n"
	if got := interrupted(t, cmd, stderr, os.Interrupt); !strings.HasSuffix(got, want) ||
		!strings.Contains(got, "entry 2 in the register reg") {
		t.Errorf("stderr %q, want %q at its end", got, want)
	}
	for name, parts := range map[string][]string{
		"report.json": {`"verdict": "verified"`, `"unfinished": "interrupted"`, "and its tag is set", `"readBack": false`},
		"r.xml":       {`failures="1"`, "interrupted before all was read back"},
		"app.receipt": {"payload"},
		"reg/1":       {`\"unfinished\": \"begun\"`, `not stored yet`},
		"reg/2":       {"and its tag is set"},
	} {
		if number, ok := strings.CutPrefix(name, "reg/"); ok {
			name = "reg/" + entryName(t, dir, number)
		}
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		for _, want := range parts {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%s: want %s in\n%s", name, want, raw)
			}
		}
	}
}

// If the register is lost while images are loaded, the message says what was loaded, and the
// entry that was made before exists wherever the register now is.
func TestALoadThatCannotBeRecorded(t *testing.T) {
	t.Parallel()
	reg, dir, cmd, stderr := stuckLate(t)
	if err := os.Rename(filepath.Join(dir, "reg"), filepath.Join(dir, "moved")); err != nil {
		t.Fatal(err)
	}
	close(reg.release)
	raw, err := io.ReadAll(stderr)
	exit := (*exec.ExitError)(nil)
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != exitSystem {
		t.Errorf("%v, want exit status %d", err, exitSystem)
	}
	got := strings.Join(strings.Fields(string(raw)), " ")
	if want := "The bundle is verified; loaded 1 image into late.plant:5000. Not all reports and records of that were " +
		"written. Entry 1 in the register says that loading began."; err != nil || !strings.Contains(got, want) {
		t.Errorf("stderr %q, %v; want %q", got, err, want)
	}
	if list, err := filepath.Glob(filepath.Join(dir, "moved", "*.json")); err != nil || len(list) != 1 {
		t.Errorf("entries %v, %v", list, err)
	}
}

// entryName returns the name of the file of an entry of the register.
func entryName(t *testing.T, dir, number string) string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "reg", "*[0-9]"+number+".json"))
	if err != nil || len(list) != 1 {
		t.Fatalf("entry %s: %v, %v", number, list, err)
	}
	return filepath.Base(list[0])
}
