// Package tsa judges RFC 3161 timestamps: who vouches that a signature existed,
// and when. [Verify] is its main function. Its functions are pure: they use no
// network, no clock, and no authorities but those they are given.
//
// # Where timestamps are stored
//
// A Sigstore bundle holds them in
// verificationMaterial.timestampVerificationData.rfc3161Timestamps[], as the
// base64 of a TimeStampResp. Cosign's first generation has one in the
// annotation dev.sigstore.cosign/rfc3161timestamp. Package evidence reads both.
// In both, what is stamped is the signature itself: the decoded bytes of sig,
// for a DSSE envelope as for a message signature, and never the payload.
//
// # What is checked
//
// The response is DER throughout, states that the timestamp was granted, and
// holds a SignedData with a TSTInfo and exactly one signer. The imprint is the
// SHA-256, SHA-384 or SHA-512 of the signature, and the signer's own digest uses
// one of these too. The signer is the first certificate of a trusted
// authority's chain, byte for byte: a certificate in the token is compared with
// it and never trusted, and the extended key usage that is checked is that of
// the certificate which signed. The authority's window and each certificate of
// its chain are valid at the time that the token states, ends included. Finally
// github.com/sigstore/timestamp-authority judges the whole once more, including
// the signature.
//
// Revocation is not checked, because nothing in an archive can answer it.
//
// # Several timestamps
//
// [Distinct] reduces the results of several timestamps to one per authority.
package tsa
