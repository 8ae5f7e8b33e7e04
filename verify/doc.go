// Package verify asks the checks of a bundle, with anchors and demands that the
// operator brings, and answers with a [Report].
//
// It has the shape of golang.org/x/mod/sumdb/note.Open: for a bundle that is not
// verified it returns an error and the full report, so that "if err != nil" is
// safe and nothing is hidden. Nothing in this package or below it can reach a
// network.
package verify
