package volume

import (
	"fmt"
	"path/filepath"
	"strings"
)

// MaxVolumes is how many volumes a bundle may have: names have three digits.
const MaxVolumes = 999

const (
	indexSuffix    = ".volumes.json"
	recoverySuffix = ".recovery.json"
	recoveryMark   = ".rec"
)

// Base is the name that a bundle would have in one file, such as app.tar. All
// other names derive from it.
type Base string

// Volume is the name of volume n, from 1 on.
func (b Base) Volume(n int) string { return fmt.Sprintf("%s.%03d", b, n) }

// Index is the name of the index of volumes.
func (b Base) Index() string { return b.stem() + indexSuffix }

// Recovery is the name of recovery volume n, from 1 on.
func (b Base) Recovery(n int) string { return Base(string(b) + recoveryMark).Volume(n) }

// RecoveryIndex is the name of the index of recovery blocks.
func (b Base) RecoveryIndex() string { return b.stem() + recoverySuffix }

// In is the same base in another folder.
func (b Base) In(dir string) Base { return Base(filepath.Join(dir, filepath.Base(string(b)))) }

func (b Base) stem() string { return strings.TrimSuffix(string(b), ".tar") }

// Number returns the number that ends the name of a volume, and the rest of
// the name; n is 0 if the name has none.
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

// Bases lists what a name may belong to, the likeliest first: the name of an
// index does not tell whether the bundle's ends in .tar.
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

// IsRecovery reports whether a name is that of a recovery volume or of their
// index.
func IsRecovery(path string) bool {
	base, n := Number(path)
	return n > 0 && strings.HasSuffix(string(base), recoveryMark) || strings.HasSuffix(path, recoverySuffix)
}

// IsIndex reports whether a name is that of an index of volumes.
func IsIndex(path string) bool {
	return strings.HasSuffix(path, indexSuffix) && filepath.Base(path) != indexSuffix
}
