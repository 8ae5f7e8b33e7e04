package report

import (
	"slices"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
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

// valueLines are the lines of what a check expected or found. Only the keys of
// trust.key, which gapseal encoded itself, have several.
func valueLines(c *verify.Check, v verify.Text) []string {
	if c.ID != check.TrustKey {
		return []string{term.Shown(string(v))}
	}
	lines := strings.Split(strings.TrimSpace(string(v)), "\n")
	for i := range lines {
		lines[i] = term.Shown(lines[i])
	}
	return lines
}

func shownAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = term.Shown(s)
	}
	return out
}

// given puts words before a text, if there is one.
func given(words, s string) string {
	if s == "" {
		return ""
	}
	return words + s
}
