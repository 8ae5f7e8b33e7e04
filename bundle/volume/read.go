package volume

import (
	"context"
	"fmt"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
)

// Content is the volumes found, as one file up to the first that is missing.
func (s *Set) Content() *Span {
	var files []File
	for i, p := range s.Found {
		if p.Number != i+1 {
			break
		}
		files = append(files, File{ReaderAt: p.file, Size: p.Size})
	}
	return NewSpan(files)
}

// Bundle reads the metadata of the bundle across its volumes. Where the index
// and the volumes disagree, the bundle itself decides: if it is whole, the
// index is wrong and that is a warning; otherwise the volumes before the first
// fault are read, and the report says what became of the rest.
func (s *Set) Bundle(lim oci.Limits) (*bundle.Reader, error) {
	content := s.Content()
	m := bundle.Medium{Known: s.Faults, Explain: s.explain}
	if s.cut == s.count {
		return bundle.OpenMedium(content, content.Size(), lim, m)
	}
	r, err := bundle.OpenMedium(content, content.Size(), lim, bundle.Medium{Known: warnings(s.Faults), Explain: s.explain})
	if err != nil || r.Sound() {
		return r, err
	}
	before := NewSpan(content.files[:min(s.cut, len(content.files))])
	m.Cut, m.Explain = true, nil
	return bundle.OpenMedium(before, before.Size(), lim, m)
}

func warnings(faults []*check.Fault) (list []*check.Fault) {
	for _, f := range faults {
		w := *f
		w.Warn = true
		list = append(list, &w)
	}
	return list
}

// explain finds the volumes at fault for a bundle that is not sound. It costs a
// second pass over all of them, and only then.
func (s *Set) explain(ctx context.Context) ([]*check.Fault, error) {
	if s.Index == nil {
		return nil, nil
	}
	digests, err := HashAll(ctx, s.Content().files, nil)
	if err != nil {
		return nil, err
	}
	var list []*check.Fault
	for i, d := range digests {
		if i < len(s.Index.Volumes) && d != s.Index.Volumes[i].Digest {
			list = append(list, s.blame(i+1, d))
		}
	}
	return list, nil
}

// blame says what is wrong with a volume whose digest is not the index's.
func (s *Set) blame(n int, found oci.Digest) *check.Fault {
	f := &check.Fault{ID: check.MediaDamaged, Subject: s.name(n), Expected: string(s.Index.Volumes[n-1].Digest), Found: string(found)}
	of := fmt.Sprintf("volume %d of %d", n, s.count)
	if i := slices.IndexFunc(s.Index.Volumes, func(v Volume) bool { return v.Digest == found }); i >= 0 {
		f.ID, f.Detail = check.MediaSwapped, fmt.Sprintf("%s has the content of volume %d", of, i+1)
	} else if other := s.otherSet(found); other != "" {
		f.ID, f.Detail = check.MediaForeign, of+" is "+other
	} else {
		f.Detail = of + " is not what the index of volumes says: it is damaged, or of another bundle"
	}
	return f
}
