// Package lock reads and writes lock files. A lock lists the images that were chosen,
// each by name, digest and platforms.
//
// An exporter writes a lock with [New] and [Lock.Marshal]. A verification then
// demands exactly these images, and takes their names from the lock instead of the
// bundle. A lock is an anchor: the file, or its SHA-256 ([Lock.Digest]), must reach
// the receiving side out of band. A lock that travels with the bundle proves nothing.
//
// # Format
//
// A lock is JSON as encoding/json writes it, indented by two spaces, with a final line
// break; no other spelling is accepted. References are written in full, and images are
// in ascending order of them. A name with a tag stands for one image:
//
//	{
//	  "schema": "gapseal.lock/v1",
//	  "images": [
//	    {
//	      "reference": "ghcr.io/acme/app:v1",
//	      "digest": "sha256:…",
//	      "platforms": ["linux/amd64"]
//	    }
//	  ]
//	}
package lock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Schema names the form of a lock.
const Schema = "gapseal.lock/v1"

// MaxSize is the budget for a lock, in bytes.
const MaxSize = 8 << 20

// Lock lists images. Path and Digest say where it came from, for reports.
type Lock struct {
	Path   string     `json:"-"`
	Digest oci.Digest `json:"-"` // of the file

	Schema string  `json:"schema"`
	Images []Image `json:"images"`
}

// Image is one image of a lock.
type Image struct {
	Reference string     `json:"reference"` // as it was exported, in full
	Digest    oci.Digest `json:"digest"`
	Platforms []string   `json:"platforms"` // that the bundle carries, in the order of the index
}

// New returns the lock of the images in an inventory. The error reports a
// reference that cannot be read, or a name that stands for two images.
func New(inv *bundle.Inventory) (*Lock, error) {
	l := &Lock{Schema: Schema, Images: []Image{}}
	for _, img := range inv.Images {
		l.Images = append(l.Images, Image{Reference: img.Reference, Digest: img.Digest,
			Platforms: append([]string{}, img.Platforms...)})
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	raw, err := l.Marshal()
	l.Digest = oci.FromBytes(raw)
	return l, err
}

// Marshal returns the lock in its one spelling.
func (l *Lock) Marshal() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(l)
	return b.Bytes(), err
}

// Parse reads a lock. The error is a [*check.FormatError] for one that is not in
// its one spelling, and matches [check.ErrTooLarge] for one over [MaxSize].
func Parse(raw []byte) (*Lock, error) {
	if len(raw) > MaxSize {
		return nil, check.TooLarge("the lock", len(raw), MaxSize)
	}
	var l Lock
	if err := strict.UnmarshalKnown(raw, &l); err != nil {
		return nil, check.Malformed("lock", "%v", err)
	}
	if l.Schema != Schema {
		return nil, check.Malformed("lock", "schema: want %s, found %q", Schema, check.Clip(l.Schema))
	}
	if err := l.check(); err != nil {
		return nil, check.Malformed("lock", "%v", err)
	}
	again, err := l.Marshal()
	if err != nil || !bytes.Equal(raw, again) {
		return nil, check.Malformed("lock", "it is not spelled as gapseal writes one; a lock is not edited by hand")
	}
	l.Digest = oci.FromBytes(raw)
	return &l, nil
}

// check reports images that are out of order, and tagged names that stand for two.
func (l *Lock) check() error {
	if len(l.Images) == 0 {
		return errors.New("it lists no image")
	}
	names := map[string]oci.Digest{}
	for i, img := range l.Images {
		if i > 0 && img.Reference <= l.Images[i-1].Reference {
			return fmt.Errorf("%q is not in ascending order, or listed twice", check.Clip(img.Reference))
		}
		ref, err := img.check()
		if err != nil {
			return err
		}
		if other, ok := names[ref.Name()]; ok && ref.Tag != "" && other != img.Digest {
			return fmt.Errorf("the name %s stands for two images", ref.Name())
		}
		names[ref.Name()] = img.Digest
	}
	return nil
}

func (i *Image) check() (oci.Reference, error) {
	ref, err := oci.ParseReference(i.Reference)
	if err != nil {
		return ref, err
	}
	d, err := oci.ParseDigest(string(i.Digest))
	switch {
	case err != nil:
		return ref, err
	case ref.String() != i.Reference:
		return ref, fmt.Errorf("%q is not written in full: %q", check.Clip(i.Reference), ref)
	case ref.Digest != "" && ref.Digest != d:
		return ref, fmt.Errorf("%q names another digest than %s", check.Clip(i.Reference), d)
	case i.Platforms == nil:
		return ref, fmt.Errorf("%s has no list of platforms", i.Reference)
	}
	return ref, nil
}
