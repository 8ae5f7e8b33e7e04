package report

import (
	"slices"
	"strings"

	"github.com/gapseal/gapseal/verify"
)

// maxOwners bounds the images that one digest is told to belong to, so that what
// many share does not multiply the report.
const maxOwners = 16

// ownership tells which images a digest belongs to, by the digests of those.
type ownership map[string][]string

// owners collects, for each image, the digests that belong to it: its own, those
// of its evidence, and those of its blobs.
func owners(r *verify.Report) ownership {
	o := ownership{}
	for i := range r.Images {
		img := &r.Images[i]
		o.note(img.Digest, img.Digest)
		for j := range img.Signatures {
			o.note(img.Digest, img.Signatures[j].Digest, img.Signatures[j].Subject)
		}
		for j := range img.Attestations {
			o.note(img.Digest, img.Attestations[j].Digest, img.Attestations[j].Subject)
		}
		for j := range img.Evidence {
			o.note(img.Digest, img.Evidence[j].Digest, img.Evidence[j].Subject)
		}
	}
	for i := range r.Blobs {
		for _, d := range r.Blobs[i].Images {
			o.note(d, r.Blobs[i].Digest)
		}
	}
	return o
}

func (o ownership) note(image string, digests ...string) {
	for _, d := range digests {
		if of := o[d]; len(of) < maxOwners && !slices.Contains(of, image) {
			o[d] = append(of, image)
		}
	}
}

// images returns the images that a check's subject belongs to: a digest, which a
// layer's number may follow, or the path of a blob.
func (o ownership) images(subject string) []string {
	if hex, ok := strings.CutPrefix(subject, blobFolder); ok {
		subject = "sha256:" + hex
	}
	if of := o[subject]; of != nil {
		return of
	}
	digest, _, _ := strings.Cut(subject, "#")
	return o[digest]
}
