package load

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/oci"
)

// What becomes of tags that exist already.

// TagError says that a tag at the destination names something else.
type TagError struct {
	Repository, Tag string
	Found, Want     oci.Digest
	// Subject is what the evidence under the tag is about. It is empty for the tag of an
	// image.
	Subject oci.Digest
}

// Error names both.
func (e *TagError) Error() string {
	if e.Subject == "" {
		return fmt.Sprintf("%s:%s names something else there: found %s instead of %s",
			e.Repository, e.Tag, e.Found, e.Want)
	}
	return fmt.Sprintf("the destination and the bundle have different %s of the image %s, and neither has all of "+
		"them: %s:%s names %s there, and %s in the bundle", evidenceUnder(e.Tag), e.Subject, e.Repository, e.Tag,
		e.Found, e.Want)
}

// evidenceUnder says what is kept under a tag of evidence.
func evidenceUnder(tag string) string {
	switch {
	case strings.HasSuffix(tag, ".att"):
		return "attestations"
	case strings.HasSuffix(tag, ".sbom"):
		return "SBOMs"
	}
	return "signatures"
}

// ReservedTagError says that the tag of an image is one under which clients look for the
// evidence or the referrers of another image.
type ReservedTagError struct{ Repository, Tag string }

// Error names the tag.
func (e *ReservedTagError) Error() string {
	return fmt.Sprintf("%s:%s cannot be the tag of an image: clients look there for signatures and other evidence "+
		"about the image whose digest it names", e.Repository, e.Tag)
}

// reserved matches the tags of cosign's first generation and the fallback tags of referrers
// (OCI distribution specification, "Referrers Tag Schema").
var reserved = regexp.MustCompile(`^sha(256|512)-[0-9a-f]{64}(\.|$)`)

// meet decides what to do about a tag at the destination: the result is true if it stays
// as it is. Evidence is only ever added: a tag stays if what it names has all evidence of
// the bundle, and is moved if the bundle has all of what it names. Everything else is a
// [*TagError], unless tags may be overwritten.
func (r *run) meet(ctx context.Context, img *image, t *tag) (stays bool, err error) {
	raw, mediaType, err := r.dst.Manifest(ctx, img.repo, t.name)
	if errors.Is(err, oci.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	found := oci.FromBytes(raw)
	if found == t.want {
		return true, nil
	}
	where := img.repo + ":" + t.name
	if t.subject != "" {
		there, _ := oci.ParseManifest(raw, mediaType)
		ours := r.graph.Manifests[t.want]
		switch {
		case contains(there, ours):
			img.note(fmt.Sprintf("%s names %s, which has all %s of the bundle and %d more; it stays", where, found,
				evidenceUnder(t.name), len(there.Layers)-len(ours.Layers)))
			return true, nil
		case contains(ours, there):
			img.note(fmt.Sprintf("%s named %s and now names %s, which has the same %s and more", where, found, t.want,
				evidenceUnder(t.name)))
			return false, nil
		}
	}
	if !r.OverwriteTags {
		return false, &TagError{img.repo, t.name, found, t.want, t.subject}
	}
	if t.subject != "" {
		img.note(fmt.Sprintf("%s named %s and now names %s: other %s were replaced", where, found, t.want,
			evidenceUnder(t.name)))
	} else {
		img.Before = before(found, t.want)
	}
	return false, nil
}

// note adds a note about an image, once.
func (img *image) note(text string) {
	if !slices.Contains(img.Notes, text) {
		img.Notes = append(img.Notes, text)
	}
}

// contains reports whether one manifest of evidence has each layer of another, with the
// same annotations, since these hold the signatures.
func contains(all, part *oci.Manifest) bool {
	if all == nil || part == nil || oci.IsIndex(all.MediaType) || all.Subject != nil || len(all.Layers) == 0 ||
		len(part.Layers) == 0 {
		return false
	}
	for _, l := range part.Layers {
		if !slices.ContainsFunc(all.Layers, func(o oci.Descriptor) bool {
			return o.Digest == l.Digest && o.Size == l.Size && o.MediaType == l.MediaType &&
				maps.Equal(o.Annotations, l.Annotations)
		}) {
			return false
		}
	}
	return true
}

// compareTag fetches a tag again. One of evidence may name a manifest that has more.
func (r *run) compareTag(ctx context.Context, img *image, t *tag) error {
	err := r.compare(ctx, img.repo, t.name, t.want)
	if err == nil || t.subject == "" {
		return err
	}
	raw, mediaType, rerr := r.dst.Manifest(ctx, img.repo, t.name)
	if rerr != nil {
		return err
	}
	if there, _ := oci.ParseManifest(raw, mediaType); contains(there, r.graph.Manifests[t.want]) {
		return nil
	}
	return err
}
