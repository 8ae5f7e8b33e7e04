package volume

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// MaxVolumes is how many volumes a bundle may have: names have three digits.
const MaxVolumes = 999

const (
	indexSuffix    = ".volumes.json"
	recoverySuffix = ".recovery.json"
	recoveryMark   = ".rec"
)

// Base is the path that a bundle would have as one file, such as app.tar. The
// paths of its volumes and indexes derive from it.
type Base string

// Volume returns the path of volume n, counted from 1.
func (b Base) Volume(n int) string { return fmt.Sprintf("%s.%03d", b, n) }

// Index returns the path of the index of volumes.
func (b Base) Index() string { return b.stem() + indexSuffix }

// Recovery returns the path of recovery volume n, counted from 1.
func (b Base) Recovery(n int) string { return Base(string(b) + recoveryMark).Volume(n) }

// RecoveryIndex returns the path of the index of recovery blocks.
func (b Base) RecoveryIndex() string { return b.stem() + recoverySuffix }

// In returns the same base in another folder.
func (b Base) In(dir string) Base { return Base(filepath.Join(dir, filepath.Base(string(b)))) }

func (b Base) stem() string { return strings.TrimSuffix(string(b), ".tar") }

// Number splits the path of a volume into its base and its number. For a path
// that does not end in a dot and three digits, n is 0 and base is the path.
func Number(path string) (base Base, n int) {
	if len(path) < 5 || path[len(path)-4] != '.' {
		return Base(path), 0
	}
	for _, c := range path[len(path)-3:] {
		if c < '0' || c > '9' {
			return Base(path), 0
		}
		n = 10*n + int(c-'0')
	}
	if n == 0 {
		return Base(path), 0
	}
	return Base(path[:len(path)-4]), n
}

// Bases lists the bases that a path may derive from, the likeliest first. There
// are two for an index, whose name is the same with and without .tar.
func Bases(path string) []Base {
	for _, suffix := range []string{indexSuffix, recoverySuffix} {
		if stem, ok := strings.CutSuffix(path, suffix); ok && filepath.Base(path) != suffix {
			return []Base{Base(stem + ".tar"), Base(stem)}
		}
	}
	base, n := Number(path)
	if n > 0 {
		if b, ok := strings.CutSuffix(string(base), recoveryMark); ok {
			return []Base{Base(b)}
		}
	}
	return []Base{base}
}

// IsSet reports whether a path names a set of volumes rather than a bundle in
// one file: it is that of an index of volumes or of the first volume.
func IsSet(path string) bool {
	if IsIndex(path) {
		return true
	}
	_, n := Number(path)
	return n == 1 && !IsRecovery(path)
}

// IsIndex reports whether a path is that of an index of volumes.
func IsIndex(path string) bool {
	return strings.HasSuffix(path, indexSuffix) && filepath.Base(path) != indexSuffix
}

// IsRecovery reports whether a path is that of a recovery volume or of the index
// of recovery blocks.
func IsRecovery(path string) bool {
	base, n := Number(path)
	return n > 0 && strings.HasSuffix(string(base), recoveryMark) || strings.HasSuffix(path, recoverySuffix)
}

// Folders lists the folders in which the files of a set are looked for, in the
// order in which they are searched.
type Folders []string

// Search returns the base that a path derives from, and the folders to search:
// the folder of the path and then dirs. Of several bases it takes the first of
// which there is a file in these folders.
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

// present reports whether there is a file whose name derives from b and from no other
// base.
func (in Folders) present(b Base) bool {
	for _, name := range []string{b.Volume(1), b.Volume(2), string(b), b.Recovery(1)} {
		if len(in.Paths(name)) > 0 {
			return true
		}
	}
	return false
}

// Paths returns the paths of the regular files that have the last element of
// name as their name, at most one per folder.
func (in Folders) Paths(name string) (list []string) {
	for _, d := range in {
		p := filepath.Join(d, filepath.Base(name))
		if info, err := os.Stat(p); err == nil && info.Mode().IsRegular() {
			list = append(list, p)
		}
	}
	return list
}
