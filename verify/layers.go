package verify

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gapseal/gapseal/internal/layer"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// layers looks into image layers as they are hashed: at their first bytes always,
// at their whole content if layers are to be unpacked.
type layers struct {
	s        *session
	expected map[oci.Digest][]expectation
	compared bool // at least one layer was unpacked, and its diff_id is right

	mu    sync.Mutex // guards what follows
	peeks map[oci.Digest]*layer.Peek
	texts map[oci.Digest]*textCheck
	deep  map[oci.Digest]*layer.Unpacker
}

// expectation is what a manifest and its config say about a layer.
type expectation struct {
	mediaType string
	format    layer.Format
	diffID    string // empty if the config has none for it
	text      bool   // a statement about an image, which must be nothing that can be unpacked
	typed     bool   // it has the type of evidence, and is a layer of something to run
}

func newLayers(s *session) *layers {
	l := &layers{
		s: s, expected: map[oci.Digest][]expectation{},
		peeks: map[oci.Digest]*layer.Peek{}, texts: map[oci.Digest]*textCheck{},
		deep: map[oci.Digest]*layer.Unpacker{},
	}
	if s.graph == nil {
		return l
	}
	seen := map[oci.Digest]bool{} // several images may share a manifest
	for _, g := range s.graph.Images {
		for _, n := range g.Tree {
			if m := s.graph.Manifests[n.Digest]; m != nil && m.HasImageConfig() && !seen[n.Digest] {
				seen[n.Digest] = true
				l.expect(m, s.graph.Runs(n))
			}
		}
		for _, ev := range g.Evidence {
			if m := s.graph.Manifests[ev.Digest]; m != nil && m.HasImageConfig() && !seen[ev.Digest] {
				seen[ev.Digest] = true
				l.expectText(m)
			}
		}
	}
	return l
}

// expect notes what a manifest and its config say about its layers. runs says whether
// it is something to run, and not an attestation among the platforms of an index.
func (l *layers) expect(m *oci.Manifest, runs bool) {
	var diffIDs []string
	c, f := l.s.graph.Config(m.Config.Digest)
	if c != nil && f == nil && len(c.RootFS.DiffIDs) == len(m.Layers) {
		diffIDs = c.RootFS.DiffIDs
	}
	_, typed := m.EvidenceKind(nil)
	for i, d := range m.Layers {
		format, _ := layer.FormatOf(d.MediaType) // or layer.Other: what unpacks it may go by the content alone
		e := expectation{mediaType: d.MediaType, format: format, text: !runs, typed: typed && runs}
		if diffIDs != nil && runs {
			e.diffID = diffIDs[i]
		}
		l.expected[d.Digest] = append(l.expected[d.Digest], e)
	}
}

// expectText notes which layers of evidence are too large to have been looked at, and
// could be unpacked by a runtime unless they are text.
func (l *layers) expectText(m *oci.Manifest) {
	for _, d := range m.Layers {
		if d.Size > oci.MaxJudgedEvidence {
			l.texts[d.Digest] = &textCheck{}
		}
	}
}

// tap is called once for each blob, from several goroutines.
func (l *layers) tap(d oci.Digest, size int64) io.WriteCloser {
	if t := l.texts[d]; t != nil {
		return nopCloser{t}
	}
	if len(l.expected[d]) == 0 {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.s.opt.Deep {
		lim := l.s.limits
		u := layer.NewUnpacker(size, layer.Limits{MaxUnpacked: lim.Unpacked, MaxRatio: lim.Ratio})
		l.deep[d] = u
		return quiet{u}
	}
	p := &layer.Peek{}
	l.peeks[d] = p
	return nopCloser{p}
}

// quiet drops the error of Close, so that hashing goes on. The layer's result has
// the same error.
type quiet struct{ *layer.Unpacker }

func (q quiet) Close() error {
	_ = q.Unpacker.Close()
	return nil
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// judge records what was found in the layers. A layer with a wrong digest is judged
// as well; its digest check fails in any case.
func (l *layers) judge() {
	if l.s.graph == nil {
		return
	}
	for _, b := range l.s.graph.Blobs {
		if t := l.texts[b.Digest]; t != nil && !t.holds() {
			l.fault(b.Digest, check.Fault{ID: check.PolicyUnsigned, Expected: "text, which nothing can unpack",
				Detail: "is listed as evidence but could be run or installed, and carries no signature of its own"})
		}
		if p := l.peeks[b.Digest]; p != nil {
			l.compareFormat(b.Digest, p.Format(), true)
		}
		if u := l.deep[b.Digest]; u != nil {
			l.unpacked(b.Digest, u.Result())
		} else if l.s.opt.Deep && len(l.expected[b.Digest]) > 0 && l.s.found.State(b.Digest) == check.Intact {
			l.fault(b.Digest, check.Fault{ID: check.Internal,
				Detail: "the layer was to be unpacked, and its bytes were not given to the tap"})
		}
	}
	l.s.passes([]check.ID{check.ConfigLayerType}, true, "")
	if !l.s.opt.Deep {
		l.s.passes([]check.ID{check.ConfigDiffID}, false, "layers were not unpacked")
		return
	}
	l.s.passes([]check.ID{check.LimitUnpacked, check.BlobWrapper}, true, "")
	l.s.passes([]check.ID{check.ConfigDiffID}, l.compared, "there was no layer of an image to unpack")
}

// fault reports what is wrong with a layer. It is a fault of the bundle, since
// several images may share the layer.
func (l *layers) fault(d oci.Digest, f check.Fault) {
	f.Subject = string(d)
	l.s.fault(bundleWide, f)
}

// compareFormat compares a layer's first bytes with its media type. A difference
// is a warning, unless the layer was unpacked.
func (l *layers) compareFormat(d oci.Digest, found layer.Format, warn bool) {
	for _, e := range l.expected[d] {
		if e.text && found != layer.Other {
			l.fault(d, check.Fault{ID: check.ConfigLayerType,
				Detail:   "an attestation among the platforms of an index is something that can be unpacked",
				Expected: check.Clip(e.mediaType), Found: string(found)})
			return
		}
		if e.format != found && e.format != layer.Other {
			l.fault(d, check.Fault{ID: check.ConfigLayerType, Warn: warn,
				Detail:   "the layer does not begin as its media type says",
				Expected: string(e.format) + " (" + check.Clip(e.mediaType) + ")", Found: string(found)})
			return
		}
	}
}

func (l *layers) unpacked(d oci.Digest, r layer.Result) {
	l.compareFormat(d, r.Format, false)
	for _, finding := range r.Findings {
		l.fault(d, check.Fault{ID: check.BlobWrapper, Detail: finding, Warn: true})
	}
	var limit *layer.LimitError
	switch {
	case errors.As(r.Err, &limit):
		l.fault(d, check.Fault{ID: check.LimitUnpacked, Detail: limit.What + " of the layer when unpacked",
			Expected: fmt.Sprintf("at most %d", limit.Limit), Found: fmt.Sprintf("%d or more", limit.Found)})
	case errors.Is(r.Err, layer.ErrInternal):
		l.fault(d, check.Fault{ID: check.Internal, Detail: r.Err.Error()})
	default:
		l.compareDiffID(d, r)
	}
}

func (l *layers) compareDiffID(d oci.Digest, r layer.Result) {
	for _, e := range l.expected[d] {
		if e.diffID == "" {
			continue // which config.diff-ids reports
		}
		if e.format == layer.Other && !(e.typed && r.Format != layer.Other) {
			l.fault(d, check.Fault{ID: check.ConfigDiffID, Warn: true, Found: check.Clip(e.mediaType),
				Detail: "not compared: this version does not know the layer's media type"})
			continue
		}
		f := check.Fault{ID: check.ConfigDiffID, Expected: check.Clip(e.diffID), Found: r.DiffID,
			Detail: "the layer, once unpacked, is not what its config says"}
		if r.Err != nil {
			f.Detail, f.Found = "the layer cannot be unpacked: "+r.Err.Error(), ""
		}
		if r.Err != nil || r.DiffID != e.diffID {
			l.fault(d, f)
			return
		}
		l.compared = true
	}
}
