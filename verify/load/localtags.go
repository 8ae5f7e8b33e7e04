package load

import (
	"context"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/oci/archive"
)

// evidenceHolder is an importer that holds evidence under tags: a folder.
type evidenceHolder interface {
	// Manifest returns a manifest that it holds, nil if it does not, or if the manifest is
	// damaged.
	Manifest(d oci.Digest) *oci.Manifest
}

// freeEvidence decides for each tag of evidence what becomes of it, by the rules of
// [run.meet]. If other evidence keeps the tag, that of the bundle is listed without a name.
func (l *local) freeEvidence(ctx context.Context, img *localImage) error {
	holder, ok := l.to.(evidenceHolder)
	if !ok {
		return nil
	}
	for i := range img.Evidence {
		e := &img.Evidence[i]
		if e.Name == "" {
			continue
		}
		found, err := l.to.Find(ctx, e.Name)
		if err != nil {
			return err
		}
		for _, d := range found {
			if d == e.Manifest.Digest {
				continue
			}
			stays, err := l.meet(img, e, d, holder.Manifest(d))
			if err != nil {
				return err
			}
			if stays && len(found) == 1 {
				e.Name = ""
			}
		}
	}
	return nil
}

// meet decides about one manifest that has the tag of a piece of evidence. The result is
// true if the tag stays with it.
func (l *local) meet(img *localImage, e *archive.Evidence, found oci.Digest, there *oci.Manifest) (bool, error) {
	ours := l.src.Manifest(e.Manifest.Digest)
	tag := strings.TrimPrefix(e.Name, img.result.Destination+":")
	note := func(format string, args ...any) {
		img.result.Notes = append(img.result.Notes, fmt.Sprintf(format, args...))
	}
	switch {
	case contains(there, ours):
		note("%s names %s, which has all %s of the bundle and %d more; it stays", e.Name, found, evidenceUnder(tag),
			len(there.Layers)-len(ours.Layers))
		return true, nil
	case contains(ours, there):
		note("%s named %s and now names %s, which has the same %s and more", e.Name, found, e.Manifest.Digest,
			evidenceUnder(tag))
		return false, nil
	case l.OverwriteTags:
		note("%s named %s and now names %s: other %s were replaced", e.Name, found, e.Manifest.Digest,
			evidenceUnder(tag))
		return false, nil
	}
	return false, &TagError{img.result.Destination, tag, found, e.Manifest.Digest, img.Root.Digest}
}
