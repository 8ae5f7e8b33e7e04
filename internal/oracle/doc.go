// Package oracle holds gapseal's judgement of Sigstore bundles against that of an
// independent implementation, sigstore-go: gapseal must never accept what
// sigstore-go rejects, and where it rejects what sigstore-go accepts, a table
// says why.
//
// It is a module of its own, so that nothing of the oracle reaches the shipped
// graph. What is not a test here is the adapter: [Read] and [Anchors] bring a
// Sigstore bundle that lies about as a file, without a registry and without a
// bundle of ours, before verify.Judge. The program cmd/conformance uses it too.
package oracle
