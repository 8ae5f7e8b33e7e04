package archive

import (
	"fmt"

	"github.com/gapseal/gapseal/oci"
)

// walk finds the blobs of one image that the plan does not have yet.
type walk struct {
	*Plan
	blobs    []oci.Descriptor
	walked   map[oci.Digest]bool // manifests
	added    map[oci.Digest]bool // blobs
	runnable []runnable
	offered  []string // platforms
	taken    []string // those of offered that are written
}

// runnable is a manifest that a runtime could run.
type runnable struct {
	digest oci.Digest
	*oci.Manifest
}

// image walks an image, and refuses one that the options exclude.
func (w *walk) image(root oci.Descriptor) error {
	if err := w.node(root, true); err != nil {
		return err
	}
	switch restricted := w.opt.RunnableOnly || w.opt.Docker; {
	case len(w.runnable) > 0:
		return nil
	case len(w.offered) > 0 && w.opt.Platform != nil:
		return &PlatformError{Want: *w.opt.Platform, Offered: w.offered}
	case restricted:
		return ErrNotRunnable
	}
	return nil
}

// node walks a manifest or index. The options apply only to the parts of an image, and not
// to evidence.
func (w *walk) node(d oci.Descriptor, ofImage bool) error {
	if w.walked[d.Digest] {
		return nil
	}
	w.walked[d.Digest] = true
	m := w.src.Manifest(d.Digest)
	switch {
	case m == nil:
		return fmt.Errorf("manifest %s: %w", d.Digest, oci.ErrNotFound)
	case oci.IsIndex(m.MediaType):
		if err := w.children(m, ofImage); err != nil {
			return err
		}
	case ofImage && !w.chosen(d, m):
		return nil
	default:
		if err := w.parts(m); err != nil {
			return err
		}
	}
	w.blob(d)
	return nil
}

// children walks the children that the source holds. The others are platforms that were
// left out at export; runtimes of the platforms that are there do not look for them.
func (w *walk) children(m *oci.Manifest, ofImage bool) error {
	for _, c := range m.Manifests {
		if w.src.Manifest(c.Digest) == nil {
			continue
		}
		if err := w.node(c, ofImage); err != nil {
			return err
		}
	}
	return nil
}

// chosen reports whether an image manifest is to be written, and records it if it can
// be run.
func (w *walk) chosen(d oci.Descriptor, m *oci.Manifest) bool {
	if _, attests := d.AttestationOf(); attests {
		return w.opt.Platform == nil
	}
	if !m.HasImageConfig() {
		return !w.opt.RunnableOnly && w.opt.Platform == nil
	}
	if p := w.platform(d, m); p != nil {
		if p.IsUnknown() {
			return w.opt.Platform == nil
		}
		w.offered = append(w.offered, p.Full())
		if w.opt.Platform != nil && !p.Matches(*w.opt.Platform) {
			return false
		}
		w.taken = append(w.taken, p.Full())
	}
	w.runnable = append(w.runnable, runnable{d.Digest, m})
	return true
}

// platform returns the platform of a manifest: that of the index or, where it gives
// none, that of the config. It is nil if neither names one.
func (w *walk) platform(d oci.Descriptor, m *oci.Manifest) *oci.Platform {
	if d.Platform != nil {
		return d.Platform
	}
	c := w.src.Config(m.Config.Digest)
	if c == nil || c.OS == "" {
		return nil
	}
	p := c.Platform()
	return &p
}

// parts adds the config and the layers of a manifest. A layer that its publisher may
// not pass on may be missing.
func (w *walk) parts(m *oci.Manifest) error {
	for _, b := range append([]oci.Descriptor{m.Config}, m.Layers...) {
		if w.src.Has(b.Digest) {
			w.blob(b)
		} else if !b.Foreign() {
			return fmt.Errorf("blob %s: %w", b.Digest, oci.ErrNotFound)
		}
	}
	return nil
}

func (w *walk) blob(d oci.Descriptor) {
	if w.have[d.Digest] || w.added[d.Digest] {
		return
	}
	w.added[d.Digest] = true
	w.blobs = append(w.blobs, oci.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size})
}
