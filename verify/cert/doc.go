// Package cert judges signers without a key of their own: a Fulcio certificate
// binds a short-lived key to an identity. Its functions are pure: they use no
// network, no clock, and no anchors but those they are given.
//
// # What must be checked
//
// A certificate found beside a signature proves nothing until each of these
// checks has passed: [Parse], [VerifyChain], [VerifySCTs], [ReadIdentity] and
// [Policy.Match].
//
//	leaf, err := cert.Parse(found)                  // one certificate?
//	chain, err := cert.VerifyChain(leaf, cas, at)   // issued by a trusted authority, valid at the time?
//	scts, err := cert.VerifySCTs(chain, ctlogs)     // in a trusted certificate transparency log?
//	id, err := cert.ReadIdentity(leaf)              // issued to whom?
//	err = policy.Match(id)                          // is that the expected identity?
//
// The caller also verifies the signature under the leaf's key. The time must be
// a trusted one: that of a log entry or a timestamp. Nothing here falls back to
// the clock of the host or to the start of the certificate's own validity; a
// certificate without a trusted time is refused.
//
// # Chains
//
// Only the authorities of a trusted root lead to trust. Intermediates and roots
// found in a bundle, or in cosign's annotation dev.sigstore.cosign/chain, are
// ignored. The authority's window and every certificate of the path, including
// the anchor, must be valid at the trusted time.
//
// # Identities
//
// The identity is the one subject alternative name (an e-mail address, a URI,
// or a user name in an otherName of type 1.3.6.1.4.1.57264.1.7) together with
// the OpenID Connect issuer that vouched for it. Fulcio's extensions are under
// 1.3.6.1.4.1.57264.1: numbers 1 to 6 hold the text itself, numbers 8 and up a
// DER UTF8String (github.com/sigstore/fulcio, docs/oid-info.md). The issuer may
// be in number 1, in number 8, or in both, which then must agree.
//
// # Signed certificate timestamps
//
// Before the certificate is issued, a certificate transparency log signs two
// things: the certificate without the extension 1.3.6.1.4.1.11129.2.4.2, which
// will later hold the signature, and the digest of the issuer's key (RFC 6962,
// section 3.2).
package cert
