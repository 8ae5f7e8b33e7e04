package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// fakeTools are container tools that keep images in the folder that FAKE names, in the
// way of the real ones, and record how they were called in the file log there. FAKE_FAIL
// makes an import fail before it has read anything, FAKE_DROP names an image that is
// forgotten without a word.
var fakeTools = map[string]func(){
	"ctr": fakeTool("ctr"), "k3s": fakeTool("k3s"), "docker": fakeTool("docker"), "podman": fakeTool("podman"),
	"kind": fakeTool("kind"),
}

func fakeTool(name string) func() {
	return func() {
		f := &fake{name: name, args: os.Args[1:], dir: os.Getenv("FAKE")}
		if err := f.run(); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			os.Exit(1)
		}
	}
}

// fake is one call of a tool.
type fake struct {
	name  string
	args  []string
	dir   string
	store string // the file that holds the images
}

// fakeImage is what a tool knows of an image.
type fakeImage struct{ Digest, Config oci.Digest }

func (f *fake) run() error {
	if f.dir == "" {
		return errors.New("the fake has no folder")
	}
	log, err := os.OpenFile(filepath.Join(f.dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	fmt.Fprintln(log, f.name, strings.Join(f.args, " "))
	log.Close()
	f.store = filepath.Join(f.dir, f.name+".json")
	switch line := strings.Join(f.args, " "); {
	case f.name == "kind":
		fmt.Println("plant-control-plane\nplant-worker")
	case strings.HasPrefix(line, "version --format"):
		fmt.Println("linux/amd64")
	case line == "version":
	case strings.HasPrefix(line, "image inspect -- "):
		return f.inspect(f.args[3])
	case strings.HasSuffix(line, "images ls"):
		return f.list()
	case line == "namespaces ls -q":
		fmt.Println("default\nk8s.io")
	case strings.HasSuffix(line, "content ls -q"):
		return f.content()
	case line == "load", strings.Contains(line, "images import "):
		return f.load()
	default:
		return fmt.Errorf("unknown command %q", line)
	}
	return nil
}

// namespace keeps the images of nodes and namespaces apart.
func (f *fake) namespace() string {
	for i, arg := range f.args {
		if arg == "-i" || arg == "--namespace" {
			return f.store + "-" + f.args[i+1]
		}
	}
	return f.store
}

func (f *fake) images() (map[string]fakeImage, error) {
	images := map[string]fakeImage{}
	raw, err := os.ReadFile(f.namespace())
	if errors.Is(err, os.ErrNotExist) {
		return images, nil
	}
	return images, errors.Join(err, json.Unmarshal(raw, &images))
}

func (f *fake) list() error {
	images, err := f.images()
	fmt.Println("REF TYPE DIGEST SIZE PLATFORMS LABELS")
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if !strings.HasPrefix(name, "sha256:") {
			fmt.Println(name, oci.TypeManifest, images[name].Digest, "1.3 KiB linux/amd64 -")
		}
	}
	return err
}

func (f *fake) content() error {
	images, err := f.images()
	for _, name := range slices.Sorted(maps.Keys(images)) {
		if strings.HasPrefix(name, "sha256:") {
			fmt.Println(name)
		}
	}
	return err
}

// inspect prints what docker and podman print of an image. Docker's knows no digests.
func (f *fake) inspect(name string) error {
	images, err := f.images()
	if err != nil {
		return err
	}
	img, ok := images[name]
	switch {
	case !ok && f.name == "docker":
		return fmt.Errorf("Error response from daemon: No such image: %s", name)
	case !ok:
		return fmt.Errorf("Error: inspecting object: %s: image not known", name)
	case f.name == "docker":
		fmt.Printf(`[{"Id":"%s","RepoTags":["%s"],"RepoDigests":[]}]`+"\n", img.Config, name)
	default:
		fmt.Printf(`[{"Id":"%s","Digest":"%s","RepoDigests":["x@%s"]}]`+"\n", img.Config.Hex(), img.Digest, img.Digest)
	}
	return nil
}

// load reads the whole of an archive before it names an image.
func (f *fake) load() error {
	if text := os.Getenv("FAKE_FAIL"); text != "" {
		return errors.New(text)
	}
	images, err := f.images()
	if err != nil {
		return err
	}
	files := map[string][]byte{}
	for r := tar.NewReader(os.Stdin); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if files[h.Name], err = io.ReadAll(r); err != nil {
			return err
		}
		if hex, ok := strings.CutPrefix(h.Name, "blobs/sha256/"); ok {
			images["sha256:"+hex] = fakeImage{}
		}
	}
	if err := f.nameImages(files, images); err != nil {
		return err
	}
	delete(images, os.Getenv("FAKE_DROP"))
	raw, err := json.Marshal(images)
	return errors.Join(err, os.WriteFile(f.namespace(), raw, 0o600))
}

// nameImages names the images of an archive.
func (f *fake) nameImages(files map[string][]byte, images map[string]fakeImage) error {
	var index struct{ Manifests []oci.Descriptor }
	var docker []struct {
		Config   string
		RepoTags []string
	}
	if err := json.Unmarshal(files["index.json"], &index); err != nil {
		return err
	}
	for _, d := range index.Manifests {
		images[d.Annotations["io.containerd.image.name"]] = fakeImage{Digest: d.Digest}
	}
	if f.name != "docker" || files["manifest.json"] == nil {
		return nil
	}
	if err := json.Unmarshal(files["manifest.json"], &docker); err != nil {
		return err
	}
	for _, img := range docker {
		for _, tag := range img.RepoTags {
			images[tag] = fakeImage{Config: oci.FromBytes(files[img.Config])}
		}
	}
	return nil
}
