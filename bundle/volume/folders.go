package volume

import (
	"os"
	"path/filepath"
	"slices"
)

// Folders are where the files of a set are looked for, in this order.
type Folders []string

// Search returns the base that a name of a set belongs to and the folders to
// look in: that of the name, and dirs.
func Search(path string, dirs []string) (Base, Folders) {
	var in Folders
	for _, d := range append([]string{filepath.Dir(path)}, dirs...) {
		if d = filepath.Clean(d); !slices.Contains(in, d) {
			in = append(in, d)
		}
	}
	bases := Bases(path)
	best := bases[0]
	for _, b := range bases[1:] {
		if in.present(b) && !in.present(best) {
			best = b
		}
	}
	return best, in
}

// present reports whether any file is there that a base's name begins.
func (in Folders) present(b Base) bool {
	for _, name := range []string{b.Volume(1), b.Volume(2), string(b), b.Recovery(1)} {
		if len(in.Paths(name)) > 0 {
			return true
		}
	}
	return false
}

// Paths lists the regular files with the last part of a name, one per folder.
func (in Folders) Paths(name string) (list []string) {
	for _, d := range in {
		p := filepath.Join(d, filepath.Base(name))
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			list = append(list, p)
		}
	}
	return list
}
