package e2e

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// site is a registry without TLS that images were loaded into, which the documents of
// gapseal config are about.
type site struct {
	dest     string            // host:port/path
	mirrored atomic.Int32      // requests of containerd for a name of another registry
	files    map[string]string // bundles by name
	images   map[string]pushed
}

// startSite loads an image for each kind of signature.
func startSite(t *testing.T) *site {
	t.Helper()
	s := &site{files: map[string]string{}, images: map[string]pushed{}}
	registry := newRegistry()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("ns") == stack.registry && strings.HasPrefix(r.URL.Path, "/v2/mirror/acme/") {
			s.mirrored.Add(1)
		}
		registry.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.dest = server.Listener.Addr().String() + "/mirror"
	s.add(t, "key", keyAnchors(), goodSignature("cosign2"))
	s.add(t, "keyless", developerAnchors(), byDeveloper(t, ""))
	s.add(t, "bundle", developerAnchors(), byDeveloper(t, certified1))
	return s
}

func (s *site) add(t *testing.T, name string, anchors []string, signed signature) {
	t.Helper()
	image := pushAs(t, "site-"+name, signed)
	file := exportBy(t, image, anchors...)
	wantExit(t, 0, command(t, "gapseal", append([]string{"load", file, s.dest, "--allow-http-registry"}, anchors...)...))
	s.files[name], s.images[name] = file, image
}

// config writes the documents of a kind for a bundle, and returns their folder.
func (s *site) config(t *testing.T, kind, name string, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	line := []string{"config", kind, s.files[name], "--for", s.dest, "--allow-http-registry", "-o", dir}
	wantExit(t, 0, command(t, "gapseal", append(line, args...)...))
	return dir
}

// at returns the image in its new place, by its digest.
func (s *site) at(t *testing.T, name string) string {
	t.Helper()
	_, path, _ := strings.Cut(s.images[name].byDigest(t), "/")
	return s.dest + "/" + path
}

// unsigned puts an image without a signature beside one that is signed.
func (s *site) unsigned(t *testing.T, name string) string {
	t.Helper()
	image := pushOCI(t, "site-unsigned-"+name)
	there, _, _ := strings.Cut(s.at(t, name), "@")
	wantExit(t, 0, command(t, "oras", "copy", "--from-plain-http", "--to-plain-http", image.tag, there+":unsigned"))
	_, digest, _ := strings.Cut(image.byDigest(t), "@")
	return there + "@" + digest
}

// program skips a test without a program that only some machines have.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// TestPolicyController has policy-controller's own tester decide by the printed
// documents. Nothing but registries is reachable, and no TUF repository.
func TestPolicyController(t *testing.T) {
	tester := program(t, "policy-tester")
	s := startSite(t)
	decide := func(code int, dir, root, image string) {
		t.Helper()
		cmd := command(t, tester, "--policy", filepath.Join(dir, "gapseal.clusterimagepolicy.yaml"),
			"--trustroot", filepath.Join(dir, root), "--image", image, "--log-level", "error")
		wantExit(t, code, cmd)
	}
	const root, bundles = "gapseal.trustroot.yaml", "gapseal-bundles.trustroot.yaml"
	byKey := s.config(t, "policy-controller", "key", keyAnchors()...)
	decide(0, byKey, root, s.at(t, "key"))
	decide(1, byKey, root, s.unsigned(t, "key"))
	wrong := []string{"--key", stack.untrusted.public, "--trusted-root", stack.fullRoot}
	decide(1, s.config(t, "policy-controller", "key", wrong...), root, s.at(t, "key"))

	keyless := s.config(t, "policy-controller", "keyless", developerAnchors()...)
	decide(0, keyless, root, s.at(t, "keyless"))
	decide(1, keyless, root, s.unsigned(t, "keyless"))
	another := s.config(t, "policy-controller", "keyless", identityAnchors("other@e2e.test", stack.issuer.url)...)
	decide(1, another, root, s.at(t, "keyless"))

	// The tester does not look for a trusted root in the repository, as the controller
	// does, and so finds no authority in it. It has read and verified it by then.
	inBundle := s.config(t, "policy-controller", "bundle", developerAnchors()...)
	cmd := command(t, tester, "--policy", filepath.Join(inBundle, "gapseal.clusterimagepolicy.yaml"),
		"--trustroot", filepath.Join(inBundle, bundles), "--image", s.at(t, "bundle"))
	if done, err := execute(cmd); err != nil {
		t.Fatal(err)
	} else if done.code != 0 && !strings.Contains(done.String(), "no certificate authorities found") {
		t.Errorf("the repository cannot be read:\n%s", done)
	}
}

// TestContainersPolicy has skopeo judge by policy.json, under the name of the source,
// which registries.conf redirects, and under that of the destination.
func TestContainersPolicy(t *testing.T) {
	skopeo := program(t, "skopeo")
	s := startSite(t)
	reached := s.config(t, "podman", "key")
	copied := func(policy, image string) result {
		t.Helper()
		cmd := command(t, skopeo, "--policy", filepath.Join(policy, "policy.json"),
			"--registries-conf", filepath.Join(reached, "registries.conf.d/gapseal.conf"),
			"--registries.d", filepath.Join(reached, "registries.d"),
			"copy", "docker://"+image, "dir:"+t.TempDir())
		return ok(execute(cmd))(t)
	}
	// Versions before containers/image 5.24 do not know the keys of logs.
	anchors := []string{"--key", stack.signer.public, "--insecure-ignore-tlog"}
	policy := s.config(t, "policy.json", "key", anchors...)
	good := copied(policy, s.images["key"].byDigest(t))
	if strings.Contains(good.String(), "sigstore disabled") {
		t.Skip("this skopeo is built without sigstore signatures, as Debian's is; it has read all documents")
	}
	wrong := s.config(t, "policy.json", "key", "--key", stack.untrusted.public, "--insecure-ignore-tlog")
	for _, c := range []struct {
		done result
		code int
	}{
		{good, 0},
		{copied(policy, s.at(t, "key")), 0},
		{copied(policy, s.unsigned(t, "key")), 1},
		{copied(policy, s.at(t, "keyless")), 1},
		{copied(wrong, s.at(t, "key")), 1},
	} {
		if c.done.code != c.code {
			t.Errorf("want exit code %d from\n%s", c.code, c.done)
		}
	}
}

// TestHostsToml has containerd pull by the old name from the new place.
func TestHostsToml(t *testing.T) {
	needs(t, "containerd", "ctr")
	s := startSite(t)
	socket := startContainerd(t)
	hosts := s.config(t, "containerd", "key")
	wantExit(t, 0, command(t, ctr(t), "-a", socket, "images", "pull", "--snapshotter", "native",
		"--hosts-dir", hosts, s.images["key"].byDigest(t)))
	if s.mirrored.Load() == 0 {
		t.Error("the image did not come from its new place")
	}
	folder := strings.ReplaceAll(stack.registry, ":", "_") + "_"
	if _, err := os.Stat(filepath.Join(hosts, folder, "hosts.toml")); err != nil {
		t.Error(err)
	}
}
