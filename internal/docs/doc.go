// Package docs keeps README.md and docs/ true. It has tests only: they write
// every generated part of a document anew and compare, and they check flags,
// links and words. After a change of what gapseal prints:
//
//	go test ./internal/docs -update
package docs
