package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func shell(t *testing.T, script string) program {
	t.Helper()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("there is no shell")
	}
	return program{sh, "-c", script}
}

// A program whose input is broken off must not reach the end of it.
func TestAProgramIsKilledBeforeItsInputEnds(t *testing.T) {
	done := filepath.Join(t.TempDir(), "done")
	wrong := errors.New("the blob has another digest")
	err := shell(t, "cat > /dev/null; echo > "+done).feed(t.Context(), func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		return wrong
	})
	if !errors.Is(err, wrong) {
		t.Errorf("want the error of the writer, got %v", err)
	}
	if _, err := os.Stat(done); err == nil {
		t.Error("the program read to the end of its input")
	}
}

func TestAProgramThatEndsEarlyExplainsItself(t *testing.T) {
	for script, want := range map[string]string{
		"echo 'the disk is full' >&2; exit 3": "exit status 3: the disk is full",
		"exit 0":                              "broken pipe",
	} {
		err := shell(t, script).feed(t.Context(), func(w io.Writer) error {
			for range 1000 {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return err
				}
			}
			return nil
		})
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", script, want, err)
		}
	}
}

func TestAMissingProgramIsNamed(t *testing.T) {
	_, err := findProgram("kind", "no-such-program", "nor-this-one")
	if err == nil || !strings.Contains(err.Error(), "no-such-program or nor-this-one, which is not in PATH") {
		t.Errorf("got %v", err)
	}
}

// kind load image-archive refuses the archives that gapseal would write for one platform.
func TestAMissingKindIsNotReplacedByAnArchive(t *testing.T) {
	_, err := findProgram("kind", "no-such-program")
	if err == nil || strings.Contains(err.Error(), "archive") {
		t.Errorf("got %v", err)
	}
}

func TestAContainerdThatDoesNotAnswer(t *testing.T) {
	for text, want := range map[string]string{
		`ctr: failed to dial "/run/containerd/containerd.sock": context deadline exceeded: connection error: desc = ` +
			`"transport: error while dialing: timeout"`: "set CONTAINERD_ADDRESS",
		"dial unix /run/containerd/containerd.sock: connect: permission denied": "run gapseal as root",
	} {
		ctr := shell(t, "echo '"+text+"' >&2; exit 1")
		_, err := newContainerd(t.Context(), "containerd", ctr, hostPlatform())
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), text) {
			t.Errorf("want %q, got %v", want, err)
		}
		_, err = newContainerd(t.Context(), "k3s", ctr, hostPlatform())
		if err == nil || strings.Contains(err.Error(), "CONTAINERD_ADDRESS") {
			t.Errorf("k3s: %v", err)
		}
	}
}

func TestParseLocal(t *testing.T) {
	for arg, want := range map[string]struct {
		d     destination
		local bool
		fails bool
	}{
		"oci:dir":               {d: destination{"oci", "dir"}, local: true},
		"oci:/a:b":              {d: destination{"oci", "/a:b"}, local: true},
		"oci-archive:-":         {d: destination{"oci-archive", "-"}, local: true},
		"docker-archive:a.tar":  {d: destination{"docker-archive", "a.tar"}, local: true},
		"containerd":            {d: destination{"containerd", ""}, local: true},
		"containerd:k8s.io":     {d: destination{"containerd", "k8s.io"}, local: true},
		"docker":                {d: destination{"docker", ""}, local: true},
		"kind:plant":            {d: destination{"kind", "plant"}, local: true},
		"docker:5000":           {},
		"k3s.plant:5000/mirror": {},
		"registry.plant":        {},
		"oci:":                  {local: true, fails: true},
		"kind:":                 {local: true, fails: true},
		"kind":                  {local: true, fails: true},
		"containerd:":           {local: true, fails: true},
		"docker-archive:":       {local: true, fails: true},
	} {
		d, local, err := parseLocal(arg)
		if local != want.local || (err != nil) != want.fails || local && !want.fails && d != want.d {
			t.Errorf("%s: %+v, %v, %v", arg, d, local, err)
		}
	}
}
