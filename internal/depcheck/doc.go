// Package depcheck holds the tests that keep the promise of the build: what
// verifies cannot reach a network or start a program, packages depend on each
// other in one direction, nothing of the tests is shipped, and what is shipped
// stays small enough to be read.
package depcheck
