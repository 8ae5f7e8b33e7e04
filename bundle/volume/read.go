package volume

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Content returns the volumes as one file, up to the first that is missing. Once
// [Set.Bundle] has returned it is what the bundle was read from.
func (s *Set) Content() *Span {
	if s.reads != nil {
		return s.reads
	}
	return join(s.Found)
}

// join lays volumes end to end, up to the first that is missing.
func join(parts []*Part) *Span {
	var files []File
	for i, p := range parts {
		if p.Number != i+1 {
			break
		}
		files = append(files, File{ReaderAt: p.file, Size: p.Size})
	}
	return NewSpan(files)
}

// Bundle reads the metadata of the bundle across its volumes, within the budgets
// of lim. If the index and the volumes disagree, the bundle itself decides: if
// it is whole, the index is wrong, which is a warning. Otherwise Bundle reads
// the volumes before the first that is at fault, and the faults of the reader
// say what is wrong with the others.
func (s *Set) Bundle(lim oci.Limits) (*bundle.Reader, error) {
	content := s.Content()
	m := bundle.Medium{Known: s.Faults, Explain: s.explain}
	if s.cut == s.count {
		r, err := bundle.OpenMedium(content, content.Size(), lim, m)
		if err != nil || len(s.extra) == 0 || r.Sound() {
			return r, err
		}
	}
	all := join(slices.Concat(s.Found, s.extra))
	r, err := bundle.OpenMedium(all, all.Size(), lim, bundle.Medium{Known: s.warnings(), Explain: s.explain})
	if err != nil || r.Sound() {
		s.reads = all
		s.settle()
		return r, err
	}
	if m.Cut = s.cut < s.count; m.Cut {
		content = NewSpan(content.files[:min(s.cut, len(content.files))])
		m.Explain = nil
	}
	s.reads = content
	return bundle.OpenMedium(content, content.Size(), lim, m)
}

// settle makes Found list the volumes that are read, because the index turned out to
// be wrong about them.
func (s *Set) settle() {
	list, n := slices.Concat(s.Found, s.extra), len(s.reads.files)
	s.Found = list[:n]
	s.extra = list[n:]
}

// warnings returns the faults of the set as warnings, for a bundle that turned
// out to be whole.
func (s *Set) warnings() (list []*check.Fault) {
	for _, f := range s.Faults {
		w := *f
		w.Warn = true
		list = append(list, &w)
	}
	if len(s.extra) > 0 {
		list = append(list, &check.Fault{ID: check.MediaIndex, Subject: filepath.Base(s.Base.Index()), Warn: true,
			Detail:   "the index lists fewer volumes than the bundle has",
			Expected: fmt.Sprint(s.count + len(s.extra)), Found: fmt.Sprint(s.count)})
	}
	return list
}

// explain finds the volumes at fault. It is called only for a bundle that is not
// sound, since it reads all volumes a second time.
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

// blame says what is wrong with volume n, whose digest is not that of the index.
func (s *Set) blame(n int, found oci.Digest) *check.Fault {
	f := s.Index.wrongDigest(n, s.name(n), found)
	if f.ID == check.MediaDamaged {
		s.nameForeign(f, n, found)
	}
	return f
}

// maxIndexes is how many indexes of other sets are read in one folder.
const maxIndexes = 100

// foreignVolume is a volume that the index of another set lists.
type foreignVolume struct {
	index  string // path of that index
	number int
}

// nameForeign completes a fault of volume n if the file found in its place, of
// that digest, is a volume of another set whose index lies in the same folders.
func (s *Set) nameForeign(f *check.Fault, n int, found oci.Digest) {
	if s.foreign == nil {
		s.foreign = s.readOthers()
	}
	v, ok := s.foreign[found]
	if !ok {
		return
	}
	f.ID = check.MediaForeign
	f.Detail = fmt.Sprintf("%s is volume %d of another set, which %s lists", s.Index.nth(n), v.number, v.index)
}

// readOthers lists the volumes of other sets. It is called once for all volumes
// of this set.
func (s *Set) readOthers() map[oci.Digest]foreignVolume {
	all := map[oci.Digest]foreignVolume{}
	for _, path := range s.otherIndexes() {
		x, err := ReadIndex(path)
		if err != nil {
			continue
		}
		for _, v := range x.Volumes {
			if _, taken := all[v.Digest]; !taken {
				all[v.Digest] = foreignVolume{path, v.Number}
			}
		}
	}
	return all
}

// otherIndexes lists the indexes of other sets in the folders of this one. It skips
// what cannot be read, since these indexes only improve a message.
func (s *Set) otherIndexes() (list []string) {
	own := filepath.Base(s.Base.Index())
	for _, dir := range s.Dirs {
		entries, _ := os.ReadDir(dir)
		n := 0
		for _, e := range entries {
			if e.Type().IsRegular() && IsIndex(e.Name()) && e.Name() != own && n < maxIndexes {
				list = append(list, filepath.Join(dir, e.Name()))
				n++
			}
		}
	}
	return list
}
