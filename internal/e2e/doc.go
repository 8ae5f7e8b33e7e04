// Package e2e tests gapseal from end to end with real programs. Images are in a
// real registry (CNCF Distribution). Real cosign 2 and 3 sign them with a key and
// keyless, with certificates of a real Fulcio and its certificate log. Real Rekors
// of both versions log the signatures, and a real timestamp authority stamps them.
// gapseal exports the images, and verifies them in a network namespace without any
// network, not even the loopback interface of the host. Only the OpenID Connect
// issuer is part of the test.
//
// The package is in a module of its own, so that gapseal does not depend on these
// tools, which are pinned in its go.mod and that of tools2. Everything runs on
// 127.0.0.1, in a network namespace of the test. README.md says how to run it.
package e2e
