// Package trust reads anchors: what an operator trusts beforehand and brings
// by another road than the bundle. Anchors are public keys ([ParseKey]) or
// their fingerprints ([ParseFingerprint]), the keys of transparency logs
// ([ParseLogKey], [BuiltinLogs]) and Sigstore trusted roots
// ([ParseTrustedRoot]). Nothing that a bundle carries becomes an anchor by
// being parsed here.
//
// # Keys
//
// A key file holds one PEM block and nothing else but white space: PUBLIC KEY
// (a SubjectPublicKeyInfo, RFC 5280) or, as cosign accepts it too, RSA PUBLIC
// KEY (PKCS #1, RFC 8017). The DER must be canonical, so that a key has one
// fingerprint: "sha256:" and the lower-case hex of the SHA-256 of its
// SubjectPublicKeyInfo, whichever of the two blocks it came in.
//
// Signatures by plain keys are those that cosign makes and checks: ECDSA over
// the SHA-256 of the message whatever the curve, RSA PKCS #1 v1.5 with
// SHA-256, and Ed25519 over the message itself.
//
// # Logs
//
// A log is known by an id. For a Rekor v1 log it is the SHA-256 of the log
// key's SubjectPublicKeyInfo. For a Rekor v2 log, whose key is Ed25519, it is
// the key id of its checkpoints as C2SP signed-note computes it, untruncated:
// SHA-256 of the log's name, a newline, the byte 1 and the 32 bytes of the key.
//
// # Trusted roots
//
// A trusted root is the JSON that sigstore/protobuf-specs defines. It is read
// strictly: one spelling per member, no member twice, none unknown, nothing
// after the object. It gives transparency logs, certificate authorities,
// timestamp authorities and certificate transparency logs, each with its window
// of validity, to whose both ends it belongs.
//
// An entry that is well-formed but uses a key, an algorithm or a shape that
// this version does not judge by is kept out and listed in Root.Unsupported:
// what is not there vouches for nothing. Malformed data makes the whole file
// useless.
//
// A certificate chain begins at the certificate that does the work (it issues
// the signers' certificates, or signs the timestamps) and ends at the trust
// anchor; each certificate is signed by the one after it, which is checked when
// the file is read.
package trust
