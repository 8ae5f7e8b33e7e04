package volume

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Set is the volumes of one bundle as they were found, in one folder or in
// several.
type Set struct {
	Base   Base
	Index  *Index // nil if there is none that can be read
	Dirs   Folders
	Faults []*check.Fault // what is wrong with the set already
	Found  []*Part        // in order, without those that are missing; after Bundle, if the index is wrong, those that are read
	count  int            // how many there should be
	cut    int            // volumes before the first that is missing or of another size
	more   []*Part        // that follow and that the index does not list
	reads  *Span          // what the bundle was opened on

	strangers map[oci.Digest]stranger // volumes of other sets; nil until somebody asks
}

// Part is one volume found.
type Part struct {
	Number int
	Path   string
	Size   int64 // in bytes
	file   *os.File
}

// IsSet reports whether a name is one of a set of volumes rather than of a
// bundle in one file: the index, or the first volume.
func IsSet(path string) bool {
	if IsIndex(path) {
		return true
	}
	_, n := Number(path)
	return n == 1 && !IsRecovery(path)
}

func (s *Set) name(n int) string { return filepath.Base(s.Base.Volume(n)) }

// Close closes the volumes.
func (s *Set) Close() error {
	for _, p := range slices.Concat(s.Found, s.more) {
		p.file.Close()
	}
	return nil
}
