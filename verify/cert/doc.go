// Package cert judges signers without a key of their own: a Fulcio certificate
// that binds a key, for some minutes, to an identity. Its functions are pure:
// no network, no clock, no anchors of their own.
//
// # What is asked
//
// A certificate found beside a signature proves nothing until each of these has
// an answer:
//
//	leaf, err := cert.Parse(found)                  // one certificate?
//	chain, err := cert.VerifyChain(leaf, cas, at)   // issued by a trusted authority, valid at the time?
//	scts, err := cert.VerifySCTs(chain, ctlogs)     // entered in a trusted certificate transparency log?
//	id, err := cert.ReadIdentity(leaf)              // for whom?
//	err = policy.Match(id)                          // for whom it was meant to be?
//
// and the signature verifies under the leaf's key, which is the caller's to
// ask. The time is a trusted one: of a log's entry or a timestamp. There is no
// falling back to the clock of the host, or to the certificate's own start: a
// certificate without a trusted time is refused.
//
// # Chains
//
// Only the authorities of a trusted root lead to trust. Intermediates and roots
// found in a bundle, or in cosign's annotation dev.sigstore.cosign/chain, are
// not so much as looked at. The authority's window and every certificate of the
// path, the anchor included, must be valid at the trusted time.
//
// # Identities
//
// The identity is the one subject alternative name (an e-mail address, a URI,
// or a user name in an otherName of type 1.3.6.1.4.1.57264.1.7) together with
// the OpenID Connect issuer that vouched for it. Fulcio's extensions stand
// under 1.3.6.1.4.1.57264.1: numbers 1 to 6 hold the text itself, numbers 8 and
// up a DER UTF8String (github.com/sigstore/fulcio, docs/oid-info.md). The
// issuer may stand in number 1, in number 8, or in both, which then must agree.
//
// # Signed certificate timestamps
//
// A certificate transparency log signs, before the certificate is issued, the
// certificate without the extension 1.3.6.1.4.1.11129.2.4.2 that will hold
// those signatures, and the digest of the issuer's key (RFC 6962, section 3.2).
package cert
