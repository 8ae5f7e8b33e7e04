// Package docs keeps README.md and docs/ true. It has tests only: they write
// every generated part of a document anew and compare, and they check flags,
// links and words. After a change of what gapseal prints:
//
//	UPDATE_SCRIPTS=1 go test ./cmd/gapseal -run TestScripts/walkthrough
//	go test ./internal/docs -update
//
// The first is for docs/compliance.md alone, which shows that script.
package docs
