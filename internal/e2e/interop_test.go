package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// signedByTools are images that cosign verifies as well.
var signedByTools = []struct {
	name string
	push func(t *testing.T, repo string) pushed
}{
	{"image-by-cosign2", func(t *testing.T, repo string) pushed { return pushGood(t, repo, "cosign2") }},
	{"image-by-cosign3", func(t *testing.T, repo string) pushed { return pushGood(t, repo, "cosign3") }},
	{"index-by-cosign2", pushSignedIndex},
}

// TestCosignReadsBundle has cosign verify an unpacked bundle without a network.
func TestCosignReadsBundle(t *testing.T) {
	for _, c := range signedByTools {
		dir := unpack(t, export(t, []pushed{c.push(t, "read-"+c.name)}))
		for _, version := range []string{"cosign2", "cosign3"} {
			t.Run(c.name+"/"+version, func(t *testing.T) {
				cmd := cosignVerify(t, version, "--offline", "--local-image", dir)
				isolate(cmd)
				wantExit(t, 0, cmd)
			})
		}
	}
}

// TestCosignOutput compares the output of gapseal --output cosign with that of
// cosign.
func TestCosignOutput(t *testing.T) {
	for _, c := range signedByTools {
		t.Run(c.name, func(t *testing.T) {
			image := c.push(t, "output-"+c.name)
			file := export(t, []pushed{image})
			theirs := wantExit(t, 0, cosignVerify(t, "cosign2", image.byDigest(t)))
			ours := wantExit(t, 0, verifying(t, file, append(keys(), "-a", demanded, "--output", "cosign")...))
			if a, b := decoded(t, theirs), decoded(t, ours); !reflect.DeepEqual(a, b) {
				t.Errorf("the two differ:\n%s\n%s", theirs, ours)
			}
		})
	}
}

func decoded(t *testing.T, r result) any {
	t.Helper()
	var value []any
	if err := json.Unmarshal(r.stdout, &value); err != nil {
		t.Fatalf("%v in\n%s", err, r)
	}
	return value
}

// TestOrasCopies copies the image from the bundle to a registry with oras.
func TestOrasCopies(t *testing.T) {
	image := pushGood(t, "for-oras", "cosign2")
	file := export(t, []pushed{image})
	target := tagOf("from-oras")
	wantExit(t, 0, command(t, "oras", "copy", "--from-oci-layout", "--to-plain-http",
		file+"@"+image.digest.String(), target))
	landed := ok(remote.Head(ok(name.ParseReference(target))(t), remote.WithContext(t.Context())))(t)
	if landed.Digest != image.digest {
		t.Errorf("oras copied %s, want %s", landed.Digest, image.digest)
	}
}

var networkCall = regexp.MustCompile(`(?m)\b(socket|connect|sendto|sendmsg)\(`)

// TestNoSocket traces the system calls of a verification, which must not even try to
// open a socket.
func TestNoSocket(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	images := []pushed{pushGood(t, "traced", "cosign2")}
	file := filepath.Join(t.TempDir(), "bundle.tar")
	// As a control, the trace of an export must contain sockets.
	if calls := traced(t, strace, exporting(t, file, images)); !networkCall.Match(calls) {
		t.Fatalf("strace saw no socket in an export:\n%s", calls)
	}
	if calls := traced(t, strace, verifying(t, file, keys()...)); networkCall.Match(calls) {
		t.Errorf("verify made network calls:\n%s", calls)
	}
}

// traced runs cmd under strace, requires it to succeed, and returns its network
// calls.
func traced(t *testing.T, strace string, cmd *exec.Cmd) []byte {
	t.Helper()
	log := filepath.Join(t.TempDir(), "strace")
	args := append([]string{"-f", "-e", "trace=%network", "-o", log, cmd.Path}, cmd.Args[1:]...)
	tracer := command(t, strace, args...)
	tracer.SysProcAttr = cmd.SysProcAttr
	wantExit(t, 0, tracer)
	return ok(os.ReadFile(log))(t)
}
