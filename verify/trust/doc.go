// Package trust reads trust anchors: what an operator trusts beforehand and
// obtains out of band, never from the bundle. Anchors are public keys
// ([ParseKey]) or their fingerprints ([ParseFingerprint]), the keys of
// transparency logs ([ParseLogKey], [BuiltinLogs]) and Sigstore trusted roots
// ([ParseTrustedRoot]). Parsing something here does not make it an anchor; the
// caller decides that.
//
// # Keys
//
// A key file holds one PEM block and nothing else but white space: PUBLIC KEY
// (a SubjectPublicKeyInfo, RFC 5280) or, since cosign accepts it too, RSA PUBLIC
// KEY (PKCS #1, RFC 8017). The DER must be canonical, so that a key has one
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
// A trusted root is the JSON that sigstore/protobuf-specs defines. It is read
// strictly: each member has one spelling and occurs once, none is unknown, and
// nothing follows the object. A [Root] lists transparency logs, certificate
// authorities, timestamp authorities and certificate transparency logs, each
// with the window in which it is valid. Both ends belong to the window.
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
