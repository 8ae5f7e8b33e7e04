// Package trust reads trust anchors: what an operator trusts beforehand and
// obtains out of band, never from the bundle. Anchors are public keys
// ([ParseKey]) or their fingerprints ([ParseFingerprint]), the keys of
// transparency logs ([ParseLogKey], [BuiltinLogs]) and Sigstore trusted roots
// ([ParseRoots]). Parsing something here does not make it an anchor; the
// caller decides that.
//
// # Keys
//
// A key file holds PEM blocks PUBLIC KEY (a SubjectPublicKeyInfo, RFC 5280) or RSA
// PUBLIC KEY (PKCS #1, RFC 8017), or the signer's CERTIFICATE, with any other text
// around them: [ParseKeys]. The DER of a key must be canonical, so that it has one
// fingerprint: "sha256:" and the lower-case hex of the SHA-256 of its
// SubjectPublicKeyInfo, whichever of the two blocks it came in.
//
// [Key.Verify] verifies the signatures that cosign makes with plain keys: ECDSA
// over the SHA-256 of the message whatever the curve, RSA PKCS #1 v1.5 with
// SHA-256, and Ed25519 over the message itself. [Key.CheckStrength] refuses keys
// that are too weak to rely on.
//
// # Logs
//
// A [Log] has an id. For a Rekor v1 log it is the SHA-256 of the log key's
// SubjectPublicKeyInfo. For a Rekor v2 log, whose key is Ed25519, it is the key
// id of its checkpoints as C2SP signed-note computes it, untruncated: the
// SHA-256 of the log's name, a newline, the byte 1 and the 32 bytes of the key.
//
// # Trusted roots
//
// A [Root] lists transparency logs, certificate authorities, timestamp authorities
// and certificate transparency logs, each with the window in which it is valid.
// Both ends belong to the window. [ParseRoots] reads the forms in which people have
// trust material:
//
//   - a trusted root in the JSON that sigstore/protobuf-specs defines, which
//     [ParseTrustedRoot] reads alone: no member is unknown or occurs twice, and
//     nothing follows the object;
//   - JSON lines, one trusted root a line, each of which stays a root of its own;
//   - a TrustRoot of policy-controller (YAML) with keys in it.
//
// [FromPEM] makes a root of PEM files, whose names say what they are for. The
// [BuiltinRoot] is that of Sigstore's public-good instance.
//
// An entry that is well-formed, but uses a key, an algorithm or a shape that
// this package does not support, is left out and listed in Root.Unsupported.
// What is left out vouches for nothing. A malformed entry makes the whole file
// unusable.
//
// A certificate chain begins at the certificate that does the work (it issues
// the signers' certificates, or signs the timestamps) and ends at the trust
// anchor. Each certificate is signed by the one after it, which is checked when
// the file is read.
package trust
