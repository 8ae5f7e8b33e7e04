package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// Annotations by which index.json names an image. The first is containerd's, the
// second is that of the OCI image specification, which skopeo and podman read, and
// the third is cosign's.
const (
	annotationContainerd = "io.containerd.image.name"
	annotationName       = "org.opencontainers.image.ref.name"
	annotationKind       = "kind"
)

// Options says which part of the images is written. The zero value is everything
// that the source holds of them.
type Options struct {
	// Platform leaves out what an index holds for other platforms. The index itself is
	// written as it is, so that the image keeps its digest; runtimes read only the part
	// for their platform.
	Platform *oci.Platform
	// RunnableOnly refuses what is not a container image, such as a Helm chart, with
	// [ErrNotRunnable].
	RunnableOnly bool
	// Docker adds the file manifest.json, as docker save writes it. It describes one
	// manifest of each image, the first that matches Platform; so Platform should be set.
	Docker bool
}

// Image is one image to be written.
type Image struct {
	Root oci.Descriptor
	// Names are the full references under which index.json lists the image, such as
	// registry.example.com/app:v1, or registry.example.com/app@sha256:…. There is at
	// least one.
	Names    []string
	Evidence []Evidence
}

// Evidence is a manifest with evidence about an image.
type Evidence struct {
	Manifest oci.Descriptor
	Name     string // such as registry.example.com/app:sha256-….sig; empty for a referrer
	Kind     oci.Kind
}

// ErrNotRunnable says that an image holds nothing that a container runtime could
// run.
var ErrNotRunnable = errors.New("not a container image")

// PlatformError says that an image was not made for a platform, or is carried without
// it.
type PlatformError struct {
	Want    oci.Platform
	Offered []string // the platforms that the source holds
}

// Error implements error.
func (e *PlatformError) Error() string {
	return fmt.Sprintf("holds nothing for %s, only for %s", e.Want.Full(), strings.Join(e.Offered, ", "))
}

// Plan is a list of images to be written, and of all blobs below them, each once.
type Plan struct {
	opt     Options
	src     Source
	entries []oci.Descriptor // of index.json
	listed  map[string]bool  // the names of entries, and the digests of those without a name
	blobs   []oci.Descriptor // each before the manifest that names it
	have    map[oci.Digest]bool
	docker  []dockerImage
}

// dockerImage is an element of manifest.json, whose paths are those of the blobs.
type dockerImage struct {
	Config   string   `json:"Config"`
	RepoTags []string `json:"RepoTags"`
	Layers   []string `json:"Layers"`
}

// NewPlan returns a plan without images.
func NewPlan(src Source, opt Options) *Plan {
	return &Plan{opt: opt, src: src, listed: map[string]bool{}, have: map[oci.Digest]bool{}}
}

// Added says what [Plan.Add] found.
type Added struct {
	// Blobs are the blobs that Add added to the plan.
	Blobs []oci.Descriptor
	// Known are the digests by which a runtime may know the image: first that of the root,
	// then, for each manifest that can be run, its own and that of its config.
	Known []oci.Digest
	// Platforms are those of the manifests that can be run. LeftOut are platforms that the
	// source holds and [Options] exclude.
	Platforms, LeftOut []string
}

// Add adds an image with its evidence.
//
// The error matches [ErrNotRunnable], [*PlatformError], or [oci.ErrNotFound] if the
// source does not hold a part of the image; the image is then not in the plan.
func (p *Plan) Add(img Image) (*Added, error) {
	w := &walk{Plan: p, walked: map[oci.Digest]bool{}, added: map[oci.Digest]bool{}}
	if err := w.image(img.Root); err != nil {
		return nil, err
	}
	for _, e := range img.Evidence {
		if err := w.node(e.Manifest, false); err != nil {
			return nil, err
		}
	}
	for _, b := range w.blobs {
		p.have[b.Digest] = true
	}
	p.blobs = append(p.blobs, w.blobs...)
	p.list(img)
	if p.opt.Docker {
		p.describe(img, w.runnable[0].Manifest)
	}
	done := &Added{Blobs: w.blobs, Known: []oci.Digest{img.Root.Digest}, Platforms: w.taken}
	for _, p := range w.offered {
		if !slices.Contains(w.taken, p) {
			done.LeftOut = append(done.LeftOut, p)
		}
	}
	for _, m := range w.runnable {
		done.Known = append(done.Known, m.digest, m.Config.Digest)
	}
	return done, nil
}

// Empty reports whether no image was added.
func (p *Plan) Empty() bool { return len(p.entries) == 0 }

// Size returns the number of bytes of all blobs.
func (p *Plan) Size() (n int64) {
	for _, b := range p.blobs {
		n += b.Size
	}
	return n
}

// Blobs lists the blobs, each once, those of a manifest before the manifest.
func (p *Plan) Blobs() []oci.Descriptor { return slices.Clone(p.blobs) }

// list adds the entries of an image to index.json.
func (p *Plan) list(img Image) {
	kind := "dev.cosignproject.cosign/image"
	if oci.IsIndex(img.Root.MediaType) {
		kind = "dev.cosignproject.cosign/imageIndex"
	}
	for _, name := range img.Names {
		p.entry(img.Root, name, kind)
	}
	for _, e := range img.Evidence {
		p.entry(e.Manifest, e.Name, evidenceKinds[e.Kind])
	}
}

var evidenceKinds = map[oci.Kind]string{
	oci.KindSignature:   "dev.cosignproject.cosign/sigs",
	oci.KindAttestation: "dev.cosignproject.cosign/atts",
}

func (p *Plan) entry(d oci.Descriptor, name, kind string) {
	key := name
	if key == "" {
		key = string(d.Digest)
	}
	if p.listed[key] {
		return
	}
	p.listed[key] = true
	d.Annotations = map[string]string{}
	if name != "" {
		d.Annotations[annotationContainerd] = name
		d.Annotations[annotationName] = name
	}
	if kind != "" {
		d.Annotations[annotationKind] = kind
	}
	d.Platform, d.URLs, d.Data = nil, nil, nil
	p.entries = append(p.entries, d)
}

// describe adds an image to manifest.json. Docker has names only for tags.
func (p *Plan) describe(img Image, m *oci.Manifest) {
	e := dockerImage{Config: blobPath(m.Config.Digest), RepoTags: []string{}, Layers: []string{}}
	for _, name := range img.Names {
		if !strings.Contains(name, "@") {
			e.RepoTags = append(e.RepoTags, name)
		}
	}
	for _, l := range m.Layers {
		e.Layers = append(e.Layers, blobPath(l.Digest))
	}
	p.docker = append(p.docker, e)
}

// blobPath returns the place of a blob in a layout.
func blobPath(d oci.Digest) string { return blobFolder + d.Hex() }

const blobFolder = "blobs/sha256/"
