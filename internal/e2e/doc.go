// Package e2e tests gapseal end to end against real programs: images in a real
// registry (CNCF Distribution), signed by real cosign 2 and 3 by key and
// keyless, certified by a real Fulcio with its certificate log, logged by real
// Rekors of both versions, stamped by a real timestamp authority, exported, and
// verified in a network namespace that has no way out, not even to the
// machine's own loopback. Only the OpenID Connect issuer is the test's own.
//
// It is a module of its own, so that its tools (pinned in its go.mod and that of
// tools2) never enter the graph of what is shipped. Everything happens on 127.0.0.1, inside
// a network namespace of the test's own. See README.md for how to run it.
package e2e
