package bombs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

// exported are the bombs that are also served by a registry.
var exported = []string{
	"9,000 names for an image with 2 good signatures", "20 names for an image with 999 good signatures",
	"60,000 layers in 16 images", "40 MB of annotations", "5 million subjects",
}

// TestExportBombs exports bombs from a registry, whose process is not counted.
func TestExportBombs(t *testing.T) {
	if !*runBombs {
		t.Skip("takes minutes; make e2e runs it")
	}
	gapseal := filepath.Join(t.TempDir(), "gapseal")
	if out, err := exec.Command("go", "build", "-o", gapseal, "../../cmd/gapseal").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	fmt.Printf("| bomb | images | run | peak, MiB | s | exit, and last words |\n|---|---|---|---|---|---|\n")
	for _, b := range All() {
		for _, name := range exported {
			if b.Name == name {
				t.Run(b.Name, func(t *testing.T) { explodeAtExport(t, gapseal, b) })
			}
		}
	}
}

func explodeAtExport(t *testing.T, gapseal string, b Bomb) {
	dir := t.TempDir()
	bomb := makeBomb(t, dir, b)
	images := serve(t, dir)
	keys, err := filepath.Abs("../../testdata/keys")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"export", "--allow-http-registry", "-o", filepath.Join(dir, "out.tar")}, images...)
	for _, flag := range bomb.Flags {
		args = append(args, strings.Replace(flag, "KEYS/", keys+"/", 1))
	}
	used := measure(t, gapseal, args...)
	last := used.errout[max(0, len(used.errout)-200):]
	fmt.Printf("| %s | %d | export | %d | %.1f | %q |\n", b.Name, len(images),
		used.memory>>20, used.time.Seconds(), last)
	if used.memory > maxMemory || used.time > maxTime {
		t.Errorf("%d MiB, %v", used.memory>>20, used.time)
	}
}

// serve serves the bundle in dir from another process, to which it points this one's
// children, and returns the names of the images.
func serve(t *testing.T, dir string) (images []string) {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run", "^TestServe$")
	c.Env = append(os.Environ(), "GAPSEAL_BOMB_SERVE="+dir)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Process.Kill(), c.Wait() })
	for range 600 {
		if raw, err := os.ReadFile(filepath.Join(dir, "served")); err == nil {
			lines := strings.Fields(string(raw))
			t.Setenv("HTTP_PROXY", lines[0])
			t.Setenv("http_proxy", lines[0])
			t.Setenv("DOCKER_CONFIG", dir)
			return lines[1:]
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the registry does not begin")
	return nil
}

// TestServe is the registry, in a process of its own.
func TestServe(t *testing.T) {
	dir := os.Getenv("GAPSEAL_BOMB_SERVE")
	if dir == "" {
		t.Skip("TestExportBombs runs it")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "bomb.tar"))
	if err != nil {
		t.Fatal(err)
	}
	s := newShelf(fixture.Open(raw))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := "http://" + l.Addr().String() + "\n" + strings.Join(s.images, "\n")
	write(dir, "served.part", []byte(lines))
	if err := os.Rename(filepath.Join(dir, "served.part"), filepath.Join(dir, "served")); err != nil {
		t.Fatal(err)
	}
	t.Error(http.Serve(l, s)) // until it is killed
}

// shelf is a registry of the images of one bundle.
type shelf struct {
	f         *fixture.Forge
	images    []string
	tags      map[string]oci.Digest // by /v2/repository/manifests/tag
	referrers map[oci.Digest][]string
}

func newShelf(f *fixture.Forge) *shelf {
	s := &shelf{f, nil, map[string]oci.Digest{}, map[oci.Digest][]string{}}
	seen := map[oci.Digest]bool{}
	for _, img := range f.Inventory.Images {
		s.images = append(s.images, img.Reference)
		repo, tag, _ := strings.Cut(strings.TrimPrefix(img.Reference, "registry.example.com"), ":")
		folder := "/v2" + repo + "/manifests/"
		s.tags[folder+tag] = img.Digest
		for _, ev := range img.Evidence {
			if ev.Kind == oci.KindSignature {
				s.tags[folder+"sha256-"+ev.Subject.Hex()+".sig"] = ev.Digest
			} else if !seen[ev.Digest] {
				seen[ev.Digest] = true
				raw := f.Blobs[ev.Digest]
				s.referrers[ev.Subject] = append(s.referrers[ev.Subject],
					fixture.Describe(oci.TypeManifest, ev.Digest, int64(len(raw))))
			}
		}
	}
	return s
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := oci.Digest(path.Base(r.URL.Path))
	if strings.Contains(r.URL.Path, "/referrers/") {
		w.Header().Set("Content-Type", oci.TypeIndex)
		fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":"%s","manifests":[%s]}`, oci.TypeIndex,
			strings.Join(s.referrers[name], ","))
		return
	}
	if d := s.tags[r.URL.Path]; d != "" {
		name = d
	}
	raw, ok := s.f.Blobs[name]
	switch {
	case path.Base(r.URL.Path) == "v2":
		return
	case !ok:
		http.NotFound(w, r)
		return
	}
	if strings.Contains(r.URL.Path, "/manifests/") {
		var m struct{ MediaType string }
		_ = json.Unmarshal(raw, &m)
		w.Header().Set("Content-Type", m.MediaType)
	}
	w.Header().Set("Docker-Content-Digest", string(name))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
}
