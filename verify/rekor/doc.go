// Package rekor checks an entry of a transparency log, of Rekor v1 or v2, that
// is stored beside a signature: in the annotation dev.sigstore.cosign/bundle, or
// in a Sigstore bundle. Its functions are pure: they use no network, no clock,
// and no keys but those they are given. Each checks one thing, so that a caller
// can report which of them failed.
//
// [ParseBundle] reads the annotation into a [Bundle]; package evidence reads a
// Sigstore bundle into one [LogEntry] for each entry. The body of either is an
// [Entry]. A [Proof] and its [Checkpoint] show that the log includes the entry.
//
// # The Rekor bundle
//
// The annotation holds one JSON object with exactly these members:
//
//	{"SignedEntryTimestamp": base64,
//	 "Payload": {"body": base64, "integratedTime": integer,
//	             "logIndex": integer, "logID": string}}
//
// SignedEntryTimestamp, the SET, is the log's promise to include the entry: a
// signature by the log's key over the canonical JSON (RFC 8785) of Payload,
// which is what [Bundle.Canonical] returns. integratedTime is in Unix seconds.
// logID is the SHA-256, in lower-case hex, of the log key's
// SubjectPublicKeyInfo. An ECDSA log signs the SHA-256 of those bytes, an
// Ed25519 log the bytes themselves.
//
// # The log entry
//
// A Sigstore bundle carries a [LogEntry]. It has the same parts, although the
// SET is optional, and an inclusion proof with a checkpoint. Rekor v1 signs a
// SET, which covers the time and the index. Rekor v2 gives a proof and no time
// at all. What neither a SET nor a checkpoint covers is a claim and must not be
// reported as a fact: a time without a SET, and the tree size of a proof before
// [Proof.BindCheckpoint] has accepted it. [LogEntry.Check] refuses a time in an
// entry of Rekor v2.
//
// The checkpoint is a signed note (C2SP tlog-checkpoint and signed-note): the
// lines origin, tree size and root hash, and a signature of the log. The
// signature begins with the first four bytes of a key id. For an ECDSA key, and
// for any key of Rekor v1, the key id is the SHA-256 of the key's
// SubjectPublicKeyInfo. For an Ed25519 key of Rekor v2 it is the SHA-256 of
// name, newline, 0x01 and key. The whole key id is the log id. Signatures by
// others, such as witnesses, are returned by name and not verified.
//
// # The body
//
// The body, decoded, is the entry as the log hashed it. Six kinds are read, and
// every other kind is refused by name:
//
//	hashedrekord 0.0.1  a message: its SHA-256
//	hashedrekord 0.0.2  a message, or the pre-authentication encoding of an
//	                    envelope: the hash that the key's algorithm signs
//	dsse 0.0.1          an envelope: SHA-256 of its text and of its payload
//	dsse 0.0.2          an envelope: SHA-256 of its payload
//	intoto 0.0.1        an envelope: SHA-256 of its text, later of its payload
//	intoto 0.0.2        an envelope: as dsse 0.0.1, and its payload type
//
// All of them hold the key or certificate. All but intoto 0.0.1 hold the one
// signature. The first kind, for example, is:
//
//	{"apiVersion":"0.0.1","kind":"hashedrekord","spec":{
//	  "data":{"hash":{"algorithm":"sha256","value":hex of the payload's digest}},
//	  "signature":{"content":base64 of the signature,
//	               "publicKey":{"content":base64 of a PEM}}}}
//
// The PEM is one block, PUBLIC KEY or CERTIFICATE, with nothing around it. A body of
// Rekor v2 must be in canonical JSON (RFC 8785), because some readers of such an
// entry write it again from the Sigstore bundle. The log signs the body of an
// entry of Rekor v1 as it is.
//
// # What must be checked
//
// A valid SET or proof shows that the log saw the entry. It shows nothing about
// the signature that is judged; only all of the following checks together tie the
// two.
// For an annotation:
//
//	b, err := rekor.ParseBundle(annotation)  // well-formed?
//	err = b.CheckLogID()                     // a log id at all?
//	err = b.BindLog(logKey)                  // the id of this log's key?
//	err = rekor.VerifySET(b, logKey)         // did the log sign it?
//	e, err := rekor.ParseEntry(b.Body)       // an entry of a known kind?
//
// For a log entry, where b is nil without a SET, and Rekor v1 may give no proof:
//
//	err = rekor.CheckEntries(entries)        // each once, and not too many?
//	err = entry.Check()                      // the parts its Rekor gives, and no others?
//	b := entry.Bundle()                      // then b.BindLog and VerifySET as above
//	err = entry.Proof.Verify(entry.Body)     // a leaf of the tree it claims?
//	c, err := rekor.VerifyCheckpoint(entry.Proof.Checkpoint, keys)
//	err = entry.Proof.BindCheckpoint(c)      // the tree that the log signed?
//	err = c.BindLog(entry.LogID)             // by the log that the entry names?
//	e, err := entry.ParseBody()              // an entry of the kind it claims?
//
// Then for either, depending on whether a message or an envelope was signed:
//
//	err = e.BindPayload(payload)             // about this message?
//	err = e.BindSignature(signature)         // about this signature?
//
//	err = e.BindEnvelope(envelope)           // about this envelope?
//	err = e.BindEnvelopeSignature(envelope)  // about its signature?
//
//	err = e.BindKey(publicKey)               // about this key?
//	err = e.BindCertificate(der)             // if keyless, about this certificate?
//
// # A worked example
//
// Entry 57230483 of the public log rekor.sigstore.dev has the log id
// c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d and the
// integrated time 1702758491, which is 2023-12-16 20:28:11 UTC. Its SET, an
// ECDSA signature of 72 bytes, signs these bytes (the body is shortened here):
//
//	{"body":"eyJhcGlW…","integratedTime":1702758491,"logID":"c0d23d6a…","logIndex":57230483}
//
// The body begins with {"apiVersion":"0.0.1","kind":"hashedrekord" and records a
// signature over a payload whose SHA-256 is
// 435431c665cf6dfcc34726add60305cb6e38e65dfbe1d45e6ded3b3787560cc1. If logIndex
// is raised by one, [VerifySET] returns [ErrSET].
//
// # Strictness
//
// How JSON is spelled (white space, the order of members, escapes) is free, but it
// can be read in one way only: a duplicate, unknown, missing or differently cased
// member, a number that is not a plain integer, a byte order mark and anything after
// the object are refused. Base64 may be wrapped, and its unused bits must be zero. An
// ECDSA signature is DER in its only canonical form.
// Input over a budget ([MaxBundle], [MaxBody], [MaxDepth], [MaxEnvelope],
// [MaxProofHashes], [MaxCheckpoint], [MaxEntries]) is refused with
// [check.ErrTooLarge]; malformed input with a [*check.FormatError].
package rekor
