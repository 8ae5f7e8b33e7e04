// Package bombs builds the worst bundles that gapseal knows of: files that are small
// or within every budget, and that make a reader work or remember as much as it can
// be made to. Its test runs the program on each of them and bounds the memory and the
// time that it takes.
//
//	go test ./internal/bombs -args -run-bombs          runs all and prints a table
//	go test ./internal/bombs -args -keep-bombs DIR     also keeps the files
package bombs

import (
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
)

// Bomb is one file that tries to exhaust its reader, or an honest one at the limits.
type Bomb struct {
	Name string
	Make maker
	// Want is the first check that fails: empty for a bundle that verifies, "no report"
	// for a file that the program refuses to read.
	Want string
}

// maker returns a bundle and the flags with which to verify it. Files that the flags
// name are written into dir.
type maker = func(t testing.TB, dir string) (raw []byte, flags []string)

// All lists the bombs.
func All() []Bomb {
	return append(append(evidenceBombs(), listBombs()...), fileBombs()...)
}

// forge opens a bundle of testdata, whose one image is signed by the keys of flags.
func forge(t testing.TB) *fixture.Forge { return fixture.Open(fixture.Bundle(t, "app:v1")) }
