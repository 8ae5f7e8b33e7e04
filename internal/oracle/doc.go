// Package oracle compares how gapseal judges Sigstore bundles with an independent
// implementation, sigstore-go. gapseal must never accept what sigstore-go
// rejects. Where gapseal rejects what sigstore-go accepts, a table says why.
//
// The package is in a module of its own, so that gapseal does not depend on
// sigstore-go. Apart from tests, it contains an adapter: [Read] and [Anchors]
// prepare a Sigstore bundle in a file for verify.Judge, without a registry and
// without a gapseal bundle. The program cmd/conformance uses it too.
package oracle
