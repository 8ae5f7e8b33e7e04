package volume

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gapseal/gapseal/oci"
)

// maxIndexes is how many other indexes are read in one folder.
const maxIndexes = 100

// otherIndexes lists the indexes of other sets in the folders of the set.
func (s *Set) otherIndexes() (list []string) {
	own := filepath.Base(s.Base.Index())
	for _, dir := range s.Dirs {
		entries, _ := os.ReadDir(dir) // what cannot be read can only not help
		n := 0
		for _, e := range entries {
			if e.Type().IsRegular() && IsIndex(e.Name()) && e.Name() != own && n < maxIndexes { // opening a pipe would hang
				list = append(list, filepath.Join(dir, e.Name()))
				n++
			}
		}
	}
	return list
}

// stranger is a volume of another set.
type stranger struct {
	index  string // path of the index that lists it
	number int
}

// otherSet says which volume of another set a digest is, if an index in the
// folders of this set lists it; else it is empty.
func (s *Set) otherSet(d oci.Digest) string {
	if s.strangers == nil {
		s.strangers = s.readOthers()
	}
	v, ok := s.strangers[d]
	if !ok {
		return ""
	}
	return fmt.Sprintf("volume %d of another set, which %s lists", v.number, v.index)
}

// readOthers reads the other indexes, once for all volumes that are asked about.
func (s *Set) readOthers() map[oci.Digest]stranger {
	all := map[oci.Digest]stranger{}
	for _, path := range s.otherIndexes() {
		x, err := ReadIndex(path)
		if err != nil {
			continue
		}
		for _, v := range x.Volumes {
			if _, taken := all[v.Digest]; !taken {
				all[v.Digest] = stranger{path, v.Number}
			}
		}
	}
	return all
}
