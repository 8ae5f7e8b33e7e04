package trust

import (
	_ "embed"
	"slices"
	"time"
)

//go:embed builtin/trusted_root.json
var builtinRoot []byte

// BuiltinCurrent is the day on which the built-in root was the current one of
// Sigstore's repository. Its entries may be much older; see [Root.Newest].
var BuiltinCurrent = time.Date(2026, time.October, 6, 0, 0, 0, 0, time.UTC)

// BuiltinMaxAge is how long after [BuiltinCurrent] the built-in root can be relied
// on to list what newer signatures need.
const BuiltinMaxAge = 365 * 24 * time.Hour

// BuiltinRoot returns the trusted root of Sigstore's public-good instance, which is
// compiled in, so that a host without a network can verify what is signed there.
// See builtin/README.md for where it comes from. Each call returns new values.
func BuiltinRoot() *Root {
	root, err := ParseTrustedRoot(builtinRoot)
	if err != nil {
		panic(err) // the file is compiled in, and a test reads it
	}
	root.Source = SourceBuiltin
	for _, logs := range [][]Log{root.Logs, root.CTLogs} {
		for i := range logs {
			logs[i].Source = SourceBuiltin
		}
	}
	return root
}

// BuiltinLogs returns the transparency logs of the [BuiltinRoot].
func BuiltinLogs() []Log { return slices.Clone(BuiltinRoot().Logs) }
