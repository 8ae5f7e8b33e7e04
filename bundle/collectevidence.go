package bundle

import (
	"context"
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// tagSuffixes are the suffixes of the tags sha256-<hex> under which cosign 2 and
// earlier store evidence.
var tagSuffixes = []string{".sig", ".att", ".sbom"}

// evidenceWalk finds all evidence about an image.
type evidenceWalk struct {
	*collector
	ctx    context.Context
	repo   string
	img    *Image
	listed map[string]bool // repository@subject whose referrers were listed
	have   map[Evidence]bool
}

// subject gathers the evidence about the root or one child of the image.
func (w *evidenceWalk) subject(d oci.Digest) error {
	for _, repo := range w.repositories() {
		for _, suffix := range tagSuffixes {
			if err := w.tag(repo, d, "sha256-"+d.Hex()+suffix); err != nil {
				return err
			}
		}
		if err := w.referrers(repo, d, 1); err != nil {
			return err
		}
	}
	return nil
}

func (w *evidenceWalk) repositories() []string {
	if w.req.Evidence == "" || w.req.Evidence == w.repo {
		return []string{w.repo}
	}
	return []string{w.repo, w.req.Evidence}
}

func (w *evidenceWalk) tag(repo string, subject oci.Digest, tag string) error {
	d, err := w.manifest(w.ctx, repo, tag)
	if errors.Is(err, oci.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("evidence at tag %s: %w", tag, err)
	}
	return w.carry(repo, subject, d)
}

func (w *evidenceWalk) referrers(repo string, subject oci.Digest, depth int64) error {
	key := repo + "@" + string(subject)
	if w.listed[key] {
		return nil
	}
	w.listed[key] = true
	found, err := w.src.Referrers(w.ctx, repo, subject)
	if err != nil {
		return fmt.Errorf("referrers of %s: %w", subject, err)
	}
	if len(found) > 0 && depth > w.req.Limits.Depth {
		return &check.Fault{ID: check.LimitDepth, Subject: string(subject),
			Detail: fmt.Sprintf("referrers of referrers nest deeper than %d levels", w.req.Limits.Depth)}
	}
	for _, d := range found {
		if w.images[d.Digest] {
			continue // carried as an image, with signatures of its own
		}
		if err := w.referrer(repo, subject, d.Digest, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *evidenceWalk) referrer(repo string, subject, digest oci.Digest, depth int64) error {
	d, err := w.manifest(w.ctx, repo, string(digest))
	if err != nil {
		return fmt.Errorf("referrer %s was found and cannot be fetched: %w", digest, err)
	}
	if err := w.carry(repo, subject, d); err != nil {
		return err
	}
	return w.referrers(repo, digest, depth+1)
}

// carry lists one piece of evidence, and fetches those of its blobs that are
// metadata.
func (w *evidenceWalk) carry(repo string, subject oci.Digest, d oci.Descriptor) error {
	m, err := w.parse(d)
	if err != nil {
		return err
	}
	kind, ok := m.EvidenceKind()
	if !ok {
		return &check.Fault{ID: check.PolicyUnsigned, Subject: string(d.Digest),
			Detail: fmt.Sprintf("refers to %s but could be run or installed; "+
				"request it by digest, with a signature of its own, or have it removed", subject)}
	}
	if err := w.metadata(w.ctx, repo, m.Config, "config", w.req.Limits.Config); err != nil {
		return err
	}
	for _, l := range m.Layers {
		w.home[l.Digest] = repo
		if err := w.layer(repo, l); err != nil {
			return err
		}
	}
	ev := Evidence{Kind: kind, Subject: subject, Node: Node{d.MediaType, d.Digest, d.Size}}
	if !w.have[ev] {
		w.have[ev] = true
		w.img.Evidence = append(w.img.Evidence, ev)
	}
	return nil
}

// layer fetches a layer of evidence if it is metadata.
func (w *evidenceWalk) layer(repo string, l oci.Descriptor) error {
	switch evidenceRole(l) {
	case RolePayload:
		return w.metadata(w.ctx, repo, l, "payload", w.req.Limits.Payload)
	case RoleEvidence:
		return w.metadata(w.ctx, repo, l, "", oci.MaxJudgedEvidence)
	}
	return nil
}
