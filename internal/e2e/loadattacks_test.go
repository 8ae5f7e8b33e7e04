package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

// loadAttack spoils a bundle, or changes it while it is loaded.
type loadAttack struct {
	name   string
	export []string // further arguments of export
	// begin prepares a load of the bundle into d that must fail.
	begin  func(t *testing.T, d *destination, file string, image pushed) *exec.Cmd
	failed []string // the checks that fail; any if nil
	sends  bool     // blobs that are good arrive before the verdict
}

var loadAttacks = []loadAttack{
	{
		name: "flipped layer byte",
		begin: func(t *testing.T, d *destination, file string, image pushed) *exec.Cmd {
			flip(t, file, offsetOf(t, file, image.layers[1])+layerSize/2)
			return loading(t, file, d, keyAnchors())
		},
		failed: []string{"blob.digest"}, sends: true,
	},
	{
		name: "content overwritten after open",
		begin: func(t *testing.T, d *destination, file string, image pushed) *exec.Cmd {
			d.once(func() {
				for _, layer := range image.layers {
					flip(t, file, offsetOf(t, file, layer))
				}
			})
			return loading(t, file, d, keyAnchors())
		},
		failed: []string{"blob.digest"},
	},
	{
		name: "another bundle in the file after open",
		begin: func(t *testing.T, d *destination, file string, _ pushed) *exec.Cmd {
			evil := ok(os.ReadFile(exportBy(t, pushAs(t, "load-evil", goodSignature("cosign2")), keyAnchors()...)))(t)
			d.once(func() {
				if err := os.WriteFile(file, evil, 0o600); err != nil { // the same file, truncated and written
					t.Error(err)
				}
			})
			return loading(t, file, d, keyAnchors())
		},
	},
	{
		name: "truncated pipe",
		begin: func(t *testing.T, d *destination, file string, image pushed) *exec.Cmd {
			raw := ok(os.ReadFile(file))(t)
			cmd := loading(t, "-", d, keyAnchors())
			cmd.Stdin = bytes.NewReader(raw[:offsetOf(t, file, image.layers[1])+layerSize/2])
			return cmd
		},
		failed: []string{"container.truncated"},
	},
	{
		name: "damaged volume", export: []string{"--volume-size", "128KiB"},
		begin: func(t *testing.T, d *destination, file string, _ pushed) *exec.Cmd {
			flip(t, filepath.Join(filepath.Dir(file), "bundle.tar.002"), 1000)
			return loading(t, filepath.Join(filepath.Dir(file), "bundle.volumes.json"), d, keyAnchors())
		},
		failed: []string{"media.damaged", "blob.digest"},
	},
	{
		name: "unsigned image", export: []string{"--allow-unverified"},
		begin: func(t *testing.T, d *destination, file string, _ pushed) *exec.Cmd {
			return loading(t, file, d, keyAnchors())
		},
		failed: []string{"policy.unsigned-image", "signature.present"},
	},
}

// once calls do while the next request is answered: when the metadata of a bundle has
// been judged, and its content has not been read.
func (d *destination) once(do func()) {
	var first sync.Once
	d.onRequest(func(*http.Request) { first.Do(do) })
}

// TestLoadRejected loads bundles that must be rejected. Nothing of them may be reached at
// the destination, by name or by digest; blobs that came nevertheless must be listed.
func TestLoadRejected(t *testing.T) {
	list := destinations(t)
	for _, a := range loadAttacks {
		for _, d := range list {
			t.Run(a.name+"/"+d.name, func(t *testing.T) { a.run(t, d) })
		}
	}
}

func (a loadAttack) run(t *testing.T, d *destination) {
	image := pushIndex(t, repoOf("rejected "+a.name+" "+d.name))
	images := []pushed{image}
	s := goodSignature("cosign2")
	s.recursive = true
	sign(t, image, s)
	sign(t, image, bundled(onRekor1))
	if a.name == "unsigned image" {
		images = append(images, pushOCI(t, repoOf("rejected unsigned "+d.name)))
	}
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exportingBy(t, file, images, slices.Concat(keyAnchors(), a.export)))
	cmd := a.begin(t, d, file, image)
	done := wantExit(t, 1, cmd)
	d.onRequest(nil)
	var r struct {
		report
		Loaded *struct {
			Complete     bool
			Unreferenced []struct{ Repository, Digest string }
		}
	}
	if err := json.Unmarshal(done.stdout, &r); err != nil {
		t.Fatalf("%v in\n%s", err, done)
	}
	if r.Verdict != "rejected" || r.Loaded != nil && r.Loaded.Complete {
		t.Errorf("the verdict is %s\n%s", r.Verdict, done)
	}
	if a.failed != nil {
		r.wantFailed(t, a.failed...)
	}
	listed := map[string]bool{}
	if r.Loaded != nil {
		for _, blob := range r.Loaded.Unreferenced {
			listed[blob.Repository+"@"+blob.Digest] = true
		}
	}
	if a.sends && len(listed) == 0 {
		t.Error("no blob is listed, although good ones arrived")
	}
	for _, i := range images {
		d.wantNothing(t, i, listed)
	}
}

// wantNothing requires that nothing of an image can be reached, and that blobs which are
// there were listed.
func (d *destination) wantNothing(t *testing.T, image pushed, listed map[string]bool) {
	t.Helper()
	repo := image.repository(t).RepositoryStr()
	status, _, raw := d.api.get(t, repo+"/tags/list")
	if tags := d.api.tags(t, repo); len(tags) > 0 {
		t.Errorf("%s has tags: %d %s", repo, status, raw)
	}
	c := comparison{from: sourceAPI(), to: sourceAPI()}
	c.repository(t, repo)
	for _, digest := range slices.Sorted(maps.Keys(c.seen)) {
		if status, _, _ := d.api.get(t, repo+"/manifests/"+digest); status != http.StatusNotFound {
			t.Errorf("%s@%s: the destination answers %d, want 404", repo, digest, status)
		}
		if found := d.api.referrers(t, repo, digest); len(found) > 0 {
			t.Errorf("%s@%s has referrers: %q", repo, digest, found)
		}
		if status, _, _ := d.api.get(t, repo+"/blobs/"+digest); status == http.StatusOK &&
			!listed[d.host+"/"+repo+"@"+digest] {
			t.Errorf("%s: blob %s is there, and the report does not list it", repo, digest)
		}
	}
}

// TestLoadReplacedFile replaces a bundle by another one of the same name while it is
// loaded. What arrives is what was opened and verified.
func TestLoadReplacedFile(t *testing.T) {
	good := pushAs(t, "load-opened", goodSignature("cosign2"))
	evil := pushAs(t, "load-put-there", goodSignature("cosign2"))
	file, other := exportBy(t, good, keyAnchors()...), exportBy(t, evil, keyAnchors()...)
	d := startDestination(t, "go-containerregistry", newRegistry(), false)
	d.once(func() {
		if err := os.Rename(other, file); err != nil {
			t.Error(err)
		}
	})
	load(t, file, d, keyAnchors())
	c := comparison{from: sourceAPI(), to: d.api}
	c.repository(t, good.repository(t).RepositoryStr())
	d.wantNothing(t, evil, nil)
}
