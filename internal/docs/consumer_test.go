package docs

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/testdata"
)

// consumer is the folder of a module that uses gapseal as another program would.
const consumer = "testdata/consumer"

// TestConsumer builds that program and has it verify bundles, sign a receipt and
// make a seal, with nothing but the public packages.
func TestConsumer(t *testing.T) {
	program := buildConsumer(t)
	dir := t.TempDir()
	good := fixture.Bundle(t, "app:v1")
	writeFiles(t, dir, map[string][]byte{
		"app.tar": good, "forged.tar": flipLayer(t, bytes.Clone(good)),
		"cosign.pub": embedded(t, "keys/cosign.pub"), "rekor.pub": embedded(t, "keys/rekor.pub"),
	})
	for _, c := range []struct {
		name, bundle string
		stdin        []byte
		code         int
		prints       []string
	}{
		{name: "a good bundle", bundle: "app.tar", prints: []string{
			"verified registry.example.com/acme/app:v1",
			"receipt of a verdict of verified by ECDSA P-256",
			"seal of plant 3 by ECDSA P-256",
		}},
		{name: "a good bundle in a pipe", bundle: "-", stdin: good},
		{name: "a forged bundle", bundle: "forged.tar", code: 1, prints: []string{"rejected: ", "blob.digest"}},
		{name: "no bundle", bundle: "missing.tar", code: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), program, c.bundle, "cosign.pub", "rekor.pub")
			cmd.Dir, cmd.Stdin = dir, bytes.NewReader(c.stdin)
			out, err := cmd.Output()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if code := cmd.ProcessState.ExitCode(); code != c.code {
				t.Errorf("exit code %d, want %d\n%s", code, c.code, out)
			}
			for _, want := range c.prints {
				if !strings.Contains(string(out), want) {
					t.Errorf("prints %q, want %q in it", out, want)
				}
			}
		})
	}
}

func buildConsumer(t *testing.T) (program string) {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go tool to build with")
	}
	program = filepath.Join(t.TempDir(), "consumer.exe")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	cmd.Dir = filepath.Join(root, filepath.FromSlash(consumer))
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0", "GOFLAGS=-mod=readonly")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v in %s: %v\n%s(if gapseal requires other modules now, run go mod tidy there)",
			cmd, consumer, err, out)
	}
	return program
}

func embedded(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := testdata.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, raw := range files {
		if err := os.WriteFile(filepath.Join(dir, name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
