// Package docs consists of tests that keep README.md, CHANGELOG.md and docs/ up
// to date. They compare every generated part of a document with what the code
// generates now, and check links, names and words. The generated parts are
// tables, sample outputs and code. After a change, update them:
//
//	UPDATE_SCRIPTS=1 go test ./cmd/gapseal -run TestScripts/walkthrough
//	go test ./internal/docs -update
//
// The first command is needed only for docs/compliance.md, which shows that
// script.
package docs
