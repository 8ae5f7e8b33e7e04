package volume

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Content is the volumes as one file, up to the first that is missing; after
// [Set.Bundle] those that it reads.
func (s *Set) Content() *Span {
	if s.reads != nil {
		return s.reads
	}
	return lay(s.Found)
}

func lay(parts []*Part) *Span {
	var files []File
	for i, p := range parts {
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
	listed := s.Content()
	m := bundle.Medium{Known: s.Faults, Explain: s.explain}
	if s.cut == s.count {
		r, err := bundle.OpenMedium(listed, listed.Size(), lim, m)
		if err != nil || len(s.more) == 0 || r.Sound() {
			return r, err
		}
	}
	all := lay(slices.Concat(s.Found, s.more))
	r, err := bundle.OpenMedium(all, all.Size(), lim, bundle.Medium{Known: s.warnings(), Explain: s.explain})
	if err != nil || r.Sound() {
		s.reads = all
		s.settle()
		return r, err
	}
	if m.Cut = s.cut < s.count; m.Cut {
		listed, m.Explain = NewSpan(listed.files[:min(s.cut, len(listed.files))]), nil
	}
	s.reads = listed
	return bundle.OpenMedium(listed, listed.Size(), lim, m)
}

// settle leaves in Found what is read: the index does not say which they are.
func (s *Set) settle() {
	list, n := slices.Concat(s.Found, s.more), len(s.reads.files)
	s.Found, s.more = list[:n], list[n:]
}

// warnings are the faults of the set for a bundle that is whole all the same.
func (s *Set) warnings() (list []*check.Fault) {
	for _, f := range s.Faults {
		w := *f
		w.Warn = true
		list = append(list, &w)
	}
	if len(s.more) > 0 {
		list = append(list, &check.Fault{ID: check.MediaIndex, Subject: filepath.Base(s.Base.Index()), Detail: "the index lists fewer volumes than the bundle has", Warn: true,
			Expected: fmt.Sprint(s.count + len(s.more)), Found: fmt.Sprint(s.count)})
	}
	return list
}

// explain finds the volumes at fault for a bundle that is not sound. It costs a
// second pass over all of them, and only then.
func (s *Set) explain(ctx context.Context, progress func(int64)) ([]*check.Fault, error) {
	if s.Index == nil {
		return nil, nil
	}
	digests, err := hashAll(ctx, s.Content().files, progress)
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
	f := s.Index.wrongDigest(n, s.name(n), found)
	if f.ID == check.MediaDamaged {
		if other := s.otherSet(found); other != "" {
			f.ID, f.Detail = check.MediaForeign, s.Index.nth(n)+" is "+other
		}
	}
	return f
}
