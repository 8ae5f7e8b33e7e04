package load

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
)

// What can be said before the content is read, which may take hours.

// askToPush asks whether the repositories that lack something accept pushes. A refusal is
// kept with the images; the error is one that all images have.
func (r *run) askToPush(ctx context.Context) error {
	if r.preview {
		return nil
	}
	lacking := map[string][]*image{}
	for _, img := range r.live() {
		if img.Before != beforeSame || slices.ContainsFunc(img.places, func(p *place) bool { return p.state == absent }) {
			lacking[img.repo] = append(lacking[img.repo], img)
		}
	}
	var repos []string
	for repo := range lacking {
		repos = append(repos, repo)
	}
	slices.Sort(repos)
	err := each(ctx, r.Jobs, repos, func(ctx context.Context, repo string) {
		if err := r.dst.CanPush(ctx, repo); err != nil {
			for _, img := range lacking[repo] {
				img.fail(err)
			}
		}
	})
	if err == nil {
		err = r.unanswered()
	}
	r.dropFailed()
	return err
}

// warn says which images will not be loaded, and which may be refused.
func (r *run) warn() {
	if r.Warn == nil || r.preview {
		return
	}
	for _, img := range r.images {
		if img.err != nil {
			first, _, _ := strings.Cut(img.err.Error(), "\n")
			r.Warn(fmt.Sprintf("%s will not be loaded: %s", img.Reference, first))
			continue
		}
		if text := r.narrow(img); text != "" {
			r.Warn(fmt.Sprintf("%s: %s", img.Reference, text))
		}
	}
}

// narrow says that an image lacks platforms, if it does and is not at the destination yet.
func (r *run) narrow(img *image) string {
	if img.Before == beforeSame {
		return ""
	}
	var without []string
	for _, d := range img.tree {
		without = append(without, r.lacks(d)...)
	}
	if without == nil {
		return ""
	}
	return fmt.Sprintf("the index was exported without %s; many registries refuse an index whose platforms are not "+
		"all there", strings.Join(without, ", "))
}

// lacks lists the platforms of an index that the bundle does not hold.
func (r *run) lacks(d oci.Digest) (without []string) {
	for _, child := range r.graph.Manifests[d].Manifests {
		if _, held := r.Meta[child.Digest]; !held {
			without = append(without, bundle.PlatformName(child.Platform))
		}
	}
	return without
}

// NarrowedError says that an index was not stored, and that the bundle holds only some of
// its platforms. Many registries want all of them.
type NarrowedError struct {
	Index   oci.Digest
	Without []string // platforms that were not exported
	Err     error    // what the destination said
}

// Error names the platforms.
func (e *NarrowedError) Error() string {
	return fmt.Sprintf("the index was exported without %s, and it cannot be stored like that: %v",
		strings.Join(e.Without, ", "), e.Err)
}

// Unwrap returns what the destination said.
func (e *NarrowedError) Unwrap() error { return e.Err }

// narrowed explains the error of storing d, if d is an index of which the bundle lacks
// platforms.
func (r *run) narrowed(d oci.Digest, err error) error {
	if without := r.lacks(d); without != nil {
		return &NarrowedError{d, without, err}
	}
	return err
}
