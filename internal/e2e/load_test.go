package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// toLoad is an image, and what cosign must say of it.
type toLoad struct {
	repo     string
	push     func(t *testing.T, repo string) pushed
	signed   []signature
	attested []string // types of attestations, by the first signature's means
	sbom     bool     // an SBOM that cosign 2 attaches under a tag
	stamped  bool     // cosign must ask for timestamps
}

// twelve images of all forms, with all kinds of evidence.
func twelve() []toLoad {
	first, third := goodSignature("cosign2"), goodSignature("cosign3")
	recursive, recursiveBundle := first, bundled(onRekor1)
	recursive.recursive, recursiveBundle.recursive = true, true
	return []toLoad{
		{repo: "single", push: pushOCI, signed: []signature{first}},
		{repo: "single-by-cosign3", push: pushOCI, signed: []signature{third}},
		{repo: "multi", push: pushIndex, signed: []signature{recursive}},
		{repo: "multi-in-bundles", push: pushIndex, signed: []signature{recursiveBundle}},
		{repo: "schema2", push: pushDocker, signed: []signature{first}},
		{repo: "schema2-in-bundle", push: pushDocker, signed: []signature{bundled(onRekor1)}},
		{repo: "rekor2", push: pushOCI, signed: []signature{bundled(onRekor2)}, stamped: true},
		{repo: "both", push: pushOCI, signed: []signature{first, bundled(onRekor1)}},
		{repo: "attested", push: pushOCI, signed: []signature{first}, attested: []string{"slsaprovenance1", "spdxjson"}},
		{
			repo: "attested-in-bundles", push: pushIndex, signed: []signature{bundled(onRekor1)},
			attested: []string{"slsaprovenance1", "spdxjson"},
		},
		{repo: "sbom", push: pushTwin, signed: []signature{first}, sbom: true},
		{repo: "chart", push: pushChart, signed: []signature{first, bundled(onRekor1)}},
	}
}

// pushTwin pushes an image again that is in another repository, so that both have the
// same blobs.
func pushTwin(t *testing.T, repo string) pushed {
	t.Helper()
	first := pushed{tag: tagOf(loadPath + "single")}
	wantExit(t, 0, command(t, "oras", "copy", "--from-plain-http", "--to-plain-http", first.tag, tagOf(repo)))
	_, _, raw := sourceAPI().get(t, "acme/"+repo+"/manifests/v1")
	digest := hash(t, describe(raw, ""))
	return pushed{tag: tagOf(repo), digest: digest}
}

// loadPath is where the images to load are in the lab's registry, below acme.
const loadPath = "load/"

func (l toLoad) make(t *testing.T) pushed {
	t.Helper()
	image := l.push(t, loadPath+l.repo)
	for _, s := range l.signed {
		sign(t, image, s)
	}
	attest(t, image, l.signed[0], l.attested...)
	if l.sbom {
		file := filepath.Join(t.TempDir(), "sbom.json")
		if err := os.WriteFile(file, []byte(predicates["spdxjson"]), 0o600); err != nil {
			t.Fatal(err)
		}
		wantExit(t, 0, command(t, "cosign2", "attach", "sbom", "--type", "spdx", "--input-format", "json",
			"--sbom", file, image.byDigest(t)))
	}
	return image
}

// loading prepares a load with anchors into d.
func loading(t *testing.T, file string, d *destination, anchors []string, args ...string) *exec.Cmd {
	t.Helper()
	line := slices.Concat([]string{"load", file, d.host, "--registry-cacert", d.ca, "--output", "json"}, anchors, args)
	cmd := command(t, "gapseal", line...)
	cmd.Env = append(cmd.Env, d.env...)
	return cmd
}

// load loads file into d, which must succeed.
func load(t *testing.T, file string, d *destination, anchors []string, args ...string) loaded {
	t.Helper()
	var r loaded
	done := wantExit(t, 0, loading(t, file, d, anchors, args...))
	if err := json.Unmarshal(done.stdout, &r); err != nil {
		t.Fatalf("%v in\n%s", err, done)
	}
	if !r.Loaded.Complete {
		t.Errorf("not everything was loaded:\n%s", done)
	}
	return r
}

// TestLoad loads a bundle into three kinds of registries. Whether everything arrived is
// found by comparing each with the source, and by having cosign 2 and 3 verify each image
// in its new place.
func TestLoad(t *testing.T) {
	var images []pushed
	for _, l := range twelve() {
		images = append(images, l.make(t))
	}
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exportingBy(t, file, images, keyAnchors()))
	var table strings.Builder
	for _, d := range destinations(t) {
		t.Run(d.name, func(t *testing.T) {
			load(t, file, d, keyAnchors())
			sent := d.begun()
			c := comparison{from: sourceAPI(), to: d.api}
			for _, l := range twelve() {
				c.repository(t, "acme/"+loadPath+l.repo)
			}
			verified := 0
			for i, l := range twelve() {
				verified += l.wantVerified(t, d, images[i])
			}
			d.wantAgain(t, file, len(images), sent)
			fmt.Fprintf(&table, "| %s | %d | %d | %d | %d | %d | %d | %d |\n", d.name, c.tags, c.manifests, c.referrers,
				c.blobs, verified, sent, d.begun()-sent)
		})
	}
	t.Logf("compared with the source:\n| registry | tags | manifests | referrers | blobs | verifications by cosign | "+
		"blobs sent or mounted | by loading again |\n|---|---|---|---|---|---|---|---|\n%s", table.String())
}

// wantAgain loads again, which must send no blob.
func (d *destination) wantAgain(t *testing.T, file string, images, sent int) {
	t.Helper()
	again := load(t, file, d, keyAnchors())
	if sent == 0 || d.begun() != sent {
		t.Errorf("loading again sent %d blobs, after %d", d.begun()-sent, sent)
	}
	for _, img := range again.Loaded.Images {
		if img.Before != "same" || img.Blobs.Sent != 0 || !img.ReadBack {
			t.Errorf("loaded again: %+v", img)
		}
	}
	if len(again.Loaded.Images) != images {
		t.Errorf("%d images are reported, want %d", len(again.Loaded.Images), images)
	}
}

// wantVerified has cosign 2 and 3 verify an image where it was loaded, and its
// attestations. They may connect to nothing but the registry. It returns the number of
// verifications.
func (l toLoad) wantVerified(t *testing.T, d *destination, image pushed) (n int) {
	t.Helper()
	at := d.host + strings.TrimPrefix(image.byDigest(t), stack.registry)
	for _, version := range []string{"cosign2", "cosign3"} {
		args := append([]string{"--registry-cacert", d.ca}, keyAnchors()...)
		if version == "cosign2" {
			args = append(args, "--offline")
		}
		if l.stamped {
			args = append(args, "--use-signed-timestamps")
		}
		d.wantAlone(t, version, slices.Concat([]string{"verify"}, args, []string{at}))
		n++
		for _, kind := range l.attested {
			d.wantAlone(t, version, slices.Concat([]string{"verify-attestation", "--type", kind}, args, []string{at}))
			n++
		}
	}
	return n
}

var connected = regexp.MustCompile(`connect\(.*sin6?_port=htons\((\d+)\)`)

// wantAlone requires a tool to succeed, and, if strace is installed, to connect to
// nothing but the destination.
func (d *destination) wantAlone(t *testing.T, name string, args []string) {
	t.Helper()
	cmd := command(t, name, args...)
	cmd.Env = append(cmd.Env, d.env...)
	strace, err := exec.LookPath("strace")
	if err != nil {
		wantExit(t, 0, cmd)
		return
	}
	trace := filepath.Join(t.TempDir(), "strace")
	tracer := command(t, strace, slices.Concat(
		[]string{"-f", "--seccomp-bpf", "-e", "trace=connect", "-o", trace, cmd.Path}, args)...)
	tracer.Env = cmd.Env
	wantExit(t, 0, tracer)
	_, port, _ := strings.Cut(d.host, ":")
	calls := connected.FindAllSubmatch(ok(os.ReadFile(trace))(t), -1)
	for _, call := range calls {
		if string(call[1]) != port {
			t.Errorf("%s %q connects to port %s, which is not that of the registry", name, args, call[1])
		}
	}
	if len(calls) == 0 {
		t.Errorf("%s: strace saw no connection", name)
	}
}
