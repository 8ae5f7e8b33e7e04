// Package testdata embeds real evidence for tests and for the demonstration:
// what a registry held after real tools had pushed and signed there. README.md
// says how each piece was made.
package testdata

import "embed"

// FS holds registry/ (an OCI image layout with one entry for each tag of each
// repository, named in full) and keys/ (public keys and trusted roots).
//
//go:embed registry keys
var FS embed.FS
