// Package testdata embeds the evidence that tests and the demo use: the content of
// a registry to which real tools pushed and signed images. README.md describes how
// each piece was made.
package testdata

import "embed"

// FS holds registry/ (an OCI image layout with one entry for each tag of each
// repository, named in full) and keys/ (public keys and trusted roots).
//
//go:embed registry keys
var FS embed.FS
