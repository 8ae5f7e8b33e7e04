// Package tsa judges RFC 3161 timestamps: who says that a signature existed,
// and when. Its functions are pure: no network, no clock, no authority of their
// own.
//
// # Where timestamps stand
//
// A Sigstore bundle holds them in
// verificationMaterial.timestampVerificationData.rfc3161Timestamps[], as the
// base64 of a TimeStampResp. Cosign's first generation has one in the
// annotation dev.sigstore.cosign/rfc3161timestamp. Package evidence reads both.
// In both, what is stamped is the signature itself: of a DSSE envelope
// or a message signature the decoded bytes of sig, never the payload.
//
// # What is asked
//
// The response is DER throughout, says that the stamp was granted, and holds a
// SignedData with a TSTInfo and exactly one signer. The imprint is the SHA-256,
// SHA-384 or SHA-512 of the signature, and the signer's own digest is one of
// these too. The signer is the first certificate of a trusted authority's
// chain, byte for byte: a certificate that the token brings along is compared
// with it and never trusted, and the extended key usage that is checked is that
// of the certificate which signed. At the time the token states, the
// authority's window and each certificate of its chain are valid, ends
// included. Then github.com/sigstore/timestamp-authority judges the whole once
// more, signature included.
//
// Revocation is not asked, since nothing in an archive can answer.
package tsa
