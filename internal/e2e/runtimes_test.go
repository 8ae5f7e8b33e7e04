package e2e

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// loaded is what the tests use of the part of the report about loading.
type loaded struct {
	Loaded struct {
		Complete bool
		Images   []struct {
			Reference, Digest, Before, Error string
			Evidence                         int
			ReadBack                         bool
			Blobs                            struct{ Sent, Present int }
		}
	}
}

// loadInto loads a bundle, which must succeed, and returns the report. Like verify, it
// needs no network for that.
func loadInto(t *testing.T, file, destination string, env ...string) loaded {
	t.Helper()
	args := slices.Concat([]string{"load", file, destination, "--output", "json"}, keys())
	cmd := command(t, "gapseal", args...)
	cmd.Env = append(cmd.Env, env...)
	var r loaded
	done := wantExit(t, 0, cmd)
	if err := json.Unmarshal(done.stdout, &r); err != nil {
		t.Fatalf("%v in\n%s", err, done)
	}
	if !r.Loaded.Complete {
		t.Errorf("not everything was loaded:\n%s", done)
	}
	return r
}

// runtimeImages are images of each form: for one platform and for two, and of Docker
// schema 2.
func runtimeImages(t *testing.T, prefix string) []pushed {
	t.Helper()
	docker := pushDocker(t, prefix+"-docker")
	sign(t, docker, goodSignature("cosign2"))
	return []pushed{pushGood(t, prefix+"-image", "cosign2"), pushSignedIndex(t, prefix+"-index"), docker}
}

// needs skips a test without a program, or without the rights to run a daemon.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed", name)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("container runtimes need root")
	}
}

// shortDir returns a new folder with a short path, as sockets need it.
func shortDir(t *testing.T) string {
	t.Helper()
	dir := ok(os.MkdirTemp("/tmp", "ge2e"))(t)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

const containerdConfig = `version = 2
root = %[1]q
state = %[2]q
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
address = %[3]q
[ttrpc]
address = %[4]q
[debug]
address = %[5]q
`

// startContainerd runs a containerd of its own, and returns its socket.
func startContainerd(t *testing.T) string {
	t.Helper()
	dir := shortDir(t)
	in := func(name string) string { return filepath.Join(dir, name) }
	config := fmt.Sprintf(containerdConfig, in("root"), in("state"), in("c.sock"), in("t.sock"), in("d.sock"))
	if err := os.WriteFile(in("config.toml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	s := ok(stack.serve(ok(exec.LookPath("containerd"))(t), "-c", in("config.toml")))(t)
	t.Cleanup(s.stop)
	socket := in("c.sock")
	err := s.await(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
		defer cancel()
		return succeed(stack.command(ctx, ctr(t), "-a", socket, "version"))
	})
	if err != nil {
		t.Fatal(err)
	}
	return socket
}

func ctr(t *testing.T) string { return ok(exec.LookPath("ctr"))(t) }

// TestContainerd imports all images in one command, under name and digest, also where the
// bundle holds one platform of two.
func TestContainerd(t *testing.T) {
	needs(t, "containerd", "ctr", "runc")
	images := runtimeImages(t, "containerd")
	socket := startContainerd(t)
	for namespace, args := range map[string][]string{"whole": nil, "narrow": {"--platform", "linux/amd64"}} {
		t.Run(namespace, func(t *testing.T) {
			file := export(t, images, args...)
			for range 2 { // the second time everything is there
				loadInto(t, file, "containerd:"+namespace, "CONTAINERD_ADDRESS="+socket)
			}
			list := wantExit(t, 0, command(t, ctr(t), "-a", socket, "-n", namespace, "images", "check"))
			for _, image := range images {
				for _, name := range []string{image.tag, image.byDigest(t)} {
					if !lists(string(list.stdout), name, image.digest.String(), "complete") {
						t.Errorf("%s is not complete:\n%s", name, list)
					}
				}
			}
		})
	}
}

// lists reports whether a line of a table begins with a name and holds all words.
func lists(table, name string, words ...string) bool {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != name {
			continue
		}
		return !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(fields, w) })
	}
	return false
}

// TestPodman requires the digests of the bundle, that of an index included.
func TestPodman(t *testing.T) {
	needs(t, "podman")
	images := runtimeImages(t, "podman")
	dir, bin := shortDir(t), t.TempDir()
	wrapper := fmt.Sprintf("#!/bin/sh\nexec %s --root %s/root --runroot %s/run --storage-driver vfs \"$@\"\n",
		ok(exec.LookPath("podman"))(t), dir, dir)
	if err := os.WriteFile(filepath.Join(bin, "podman"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")
	loadInto(t, export(t, images), "podman", path)
	for _, image := range images {
		cmd := command(t, filepath.Join(bin, "podman"), "image", "inspect", image.tag, "--format", "{{.Digest}}")
		if got := strings.TrimSpace(string(wantExit(t, 0, cmd).stdout)); got != image.digest.String() {
			t.Errorf("podman knows %s as %s, want %s", image.tag, got, image.digest)
		}
		wantExit(t, 0, command(t, filepath.Join(bin, "podman"), "image", "exists", image.byDigest(t)))
	}
}

// TestDocker loads into a Docker daemon with its classic image store, which keeps names and
// content, and no digests.
func TestDocker(t *testing.T) {
	needs(t, "dockerd", "docker", "containerd", "ctr", "runc")
	images := runtimeImages(t, "docker")
	socket, dir := startContainerd(t), shortDir(t)
	host := "DOCKER_HOST=unix://" + filepath.Join(dir, "d.sock")
	s := ok(stack.serve(ok(exec.LookPath("dockerd"))(t), "--containerd", socket,
		"--data-root", filepath.Join(dir, "root"), "--exec-root", filepath.Join(dir, "exec"),
		"--pidfile", filepath.Join(dir, "pid"), "--host", "unix://"+filepath.Join(dir, "d.sock"),
		"--iptables=false", "--bridge=none", "--storage-driver=vfs"))(t)
	t.Cleanup(s.stop)
	docker := ok(exec.LookPath("docker"))(t)
	err := s.await(func() error {
		cmd := command(t, docker, "version")
		cmd.Env = append(cmd.Env, host)
		return succeed(cmd)
	})
	if err != nil {
		t.Fatal(err)
	}
	loadInto(t, export(t, images), "docker", host)
	for _, image := range images {
		cmd := command(t, docker, "image", "inspect", image.tag)
		cmd.Env = append(cmd.Env, host)
		wantExit(t, 0, cmd)
	}
}

// TestSkopeoReads has skopeo read each kind of archive. It looks for OCI types only where
// it is given a name in a layout.
func TestSkopeoReads(t *testing.T) {
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Skip("skopeo is not installed")
	}
	images := runtimeImages(t, "skopeo")
	file, dir := export(t, images), t.TempDir()
	for _, kind := range []string{"oci", "oci-archive", "docker-archive"} {
		t.Run(kind, func(t *testing.T) {
			place := kind + ":" + filepath.Join(dir, kind)
			for _, img := range loadInto(t, file, place).Loaded.Images {
				if (img.Evidence > 0) != (kind == "oci") {
					t.Errorf("%s came with %d pieces of evidence", img.Reference, img.Evidence)
				}
			}
			for i, image := range images {
				isDocker := i == len(images)-1
				if isDocker && kind != "docker-archive" {
					continue
				}
				raw := wantExit(t, 0, command(t, skopeo, "inspect", "--raw", place+":"+image.tag)).stdout
				got := fmt.Sprintf("sha256:%x", sha256.Sum256(raw))
				if kind != "docker-archive" && got != image.digest.String() {
					t.Errorf("skopeo reads %s as %s, want %s", image.tag, got, image.digest)
				}
				wantExit(t, 0, command(t, skopeo, "copy", place+":"+image.tag, "dir:"+t.TempDir()))
			}
		})
	}
}

// TestCosignReadsLayout has cosign verify the image in a folder, offline.
func TestCosignReadsLayout(t *testing.T) {
	image := pushGood(t, "layout-cosign", "cosign2")
	dir := filepath.Join(t.TempDir(), "layout")
	loadInto(t, export(t, []pushed{image}), "oci:"+dir)
	for _, version := range []string{"cosign2", "cosign3"} {
		cmd := cosignVerify(t, version, "--offline", "--local-image", dir)
		isolate(cmd)
		wantExit(t, 0, cmd)
	}
}
