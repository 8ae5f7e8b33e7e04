package verify

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/layer"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// layers looks into image layers as they are hashed: their first bytes always,
// their whole content with --deep.
type layers struct {
	s        *session
	expected map[oci.Digest][]expectation

	mu    sync.Mutex // guards what follows
	peeks map[oci.Digest]*layer.Peek
	deep  map[oci.Digest]*layer.Unpacker

	compared bool // some layer was unpacked, and has its diff_id
}

// expectation is what one manifest and its config say of a layer.
type expectation struct {
	image     int
	mediaType string
	format    layer.Format
	diffID    string // empty if the config does not say
}

func newLayers(s *session) *layers {
	l := &layers{s: s, expected: map[oci.Digest][]expectation{}, peeks: map[oci.Digest]*layer.Peek{}, deep: map[oci.Digest]*layer.Unpacker{}}
	if s.graph == nil {
		return l
	}
	seen := map[oci.Digest]bool{} // a manifest says the same in every image
	for _, g := range s.graph.Images {
		for _, n := range g.Tree {
			if m := s.graph.Manifests[n.Digest]; m != nil && m.HasImageConfig() && !seen[n.Digest] {
				seen[n.Digest] = true
				l.expect(bundleWide, m)
			}
		}
	}
	return l
}

func (l *layers) expect(image int, m *oci.Manifest) {
	var diffIDs []string
	if c, f := l.s.graph.Config(m.Config.Digest); c != nil && f == nil && len(c.RootFS.DiffIDs) == len(m.Layers) {
		diffIDs = c.RootFS.DiffIDs
	}
	_, evidence := m.EvidenceKind()
	for i, d := range m.Layers {
		format, ok := layer.FormatOf(d.MediaType)
		if !ok && evidence {
			continue // else it is Other: what unpacks images may look at the content alone
		}
		e := expectation{image: image, mediaType: d.MediaType, format: format}
		if diffIDs != nil {
			e.diffID = diffIDs[i]
		}
		l.expected[d.Digest] = append(l.expected[d.Digest], e)
	}
}

// tap is called once for each content blob, from several goroutines.
func (l *layers) tap(d oci.Digest, size int64) io.WriteCloser {
	if len(l.expected[d]) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s.opt.Deep {
		u := layer.NewUnpacker(size, layer.Limits{MaxUnpacked: l.s.limits.Unpacked, MaxRatio: l.s.limits.Ratio})
		l.deep[d] = u
		return quiet{u}
	}
	p := &layer.Peek{}
	l.peeks[d] = p
	return nopCloser{p}
}

// quiet keeps what is wrong with a layer for its result: to whoever hashes the
// blob it is no error.
type quiet struct{ *layer.Unpacker }

func (q quiet) Close() error {
	_ = q.Unpacker.Close()
	return nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// judge records what was seen. A blob whose digest is wrong is judged too: its
// digest check fails as well.
func (l *layers) judge() {
	for _, b := range l.content() {
		if p := l.peeks[b.Digest]; p != nil {
			l.compareFormat(b.Digest, p.Format(), true)
		}
		if u := l.deep[b.Digest]; u != nil {
			l.unpacked(b.Digest, u.Result())
		}
	}
	if l.s.graph == nil {
		return
	}
	if !l.s.opt.Deep {
		l.s.rec.add(bundleWide, check.Skip, check.Fault{ID: check.ConfigDiffID, Detail: "layers were not unpacked"})
	}
	l.s.passes([]check.ID{check.ConfigLayerType}, false, "")
	if l.s.opt.Deep {
		l.s.passes([]check.ID{check.LimitUnpacked, check.BlobWrapper}, false, "")
		l.s.passes([]check.ID{check.ConfigDiffID}, !l.compared, "there was no layer of an image to be unpacked")
	}
}

func (l *layers) content() []bundle.Blob {
	if l.s.graph == nil {
		return nil
	}
	return l.s.graph.Blobs
}

// compareFormat holds a layer's first bytes against its media type: a warning,
// unless the layer was unpacked.
func (l *layers) compareFormat(d oci.Digest, found layer.Format, warn bool) {
	for _, e := range l.expected[d] {
		if e.format != found && e.format != layer.Other {
			l.s.rec.fault(e.image, &check.Fault{ID: check.ConfigLayerType, Subject: string(d), Detail: "the layer does not begin as its media type says", Expected: string(e.format) + " (" + clip(e.mediaType) + ")", Found: string(found), Warn: warn})
			return
		}
	}
}

func (l *layers) unpacked(d oci.Digest, r layer.Result) {
	l.compareFormat(d, r.Format, false)
	first := l.expected[d][0].image
	for _, finding := range r.Findings {
		l.s.rec.fault(first, &check.Fault{ID: check.BlobWrapper, Subject: string(d), Detail: finding, Warn: true})
	}
	if limit := (*layer.LimitError)(nil); errors.As(r.Err, &limit) {
		l.s.rec.fault(first, &check.Fault{ID: check.LimitUnpacked, Subject: string(d), Detail: limit.What + " of the layer when unpacked", Expected: fmt.Sprintf("at most %d", limit.Limit), Found: fmt.Sprintf("%d or more", limit.Found)})
		return
	}
	if errors.Is(r.Err, layer.ErrInternal) {
		l.s.rec.fault(first, &check.Fault{ID: check.Internal, Subject: string(d), Detail: r.Err.Error()})
		return
	}
	l.compareDiffID(d, r)
}

func (l *layers) compareDiffID(d oci.Digest, r layer.Result) {
	for _, e := range l.expected[d] {
		if e.diffID == "" {
			continue // counted in config.diff-ids
		}
		if e.format == layer.Other {
			l.s.rec.fault(e.image, &check.Fault{ID: check.ConfigDiffID, Subject: string(d), Detail: "not compared: this version does not know the layer's media type", Found: clip(e.mediaType), Warn: true})
			continue
		}
		f := &check.Fault{ID: check.ConfigDiffID, Subject: string(d), Detail: "the layer unpacks to something else than its config says", Expected: clip(e.diffID), Found: r.DiffID}
		if r.Err != nil {
			f.Detail, f.Found = "the layer cannot be unpacked: "+r.Err.Error(), ""
		}
		if r.Err != nil || r.DiffID != e.diffID {
			l.s.rec.fault(e.image, f)
			return
		}
		l.compared = true
	}
}
