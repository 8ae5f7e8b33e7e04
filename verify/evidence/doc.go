// Package evidence reads what vouches for an image, in every form in which
// cosign and similar tools store it, into one type, [Evidence]. It judges how
// evidence is written, and whether it is about the image that it is stored for.
// It does not verify signatures and is given no keys.
//
// # Forms
//
// [Read] chooses the reader by the kind under which a manifest is listed:
//
//   - [ReadCosign] and [ReadAttestations] read cosign's first generation: a
//     manifest whose layers are signed payloads or DSSE envelopes, with signature,
//     certificate, log entry and timestamp in the annotations of each layer.
//   - [ReadReferrer] reads Sigstore bundles 0.1 to 0.3, each stored as the one
//     layer of a referrer, with a DSSE envelope or a message signature in it.
//   - [ReadInToto] reads in-toto statements, unsigned or in a DSSE envelope,
//     stored as layers of type application/vnd.in-toto+json.
//
// The parts can be read alone too: [ReadBundle], [ReadEnvelope] and
// [ReadStatement].
//
// # Spelling
//
// What holds a signature (a manifest, its config and annotations, an envelope, a
// Sigstore bundle) is judged by what it says, by its own specification. White space,
// the order of members, escapes, the spellings of ProtoJSON, both alphabets of
// base64 and line breaks in it, text around PEM blocks, further annotations and
// members of a manifest, and another config are no fault. A config must be empty or
// a JSON object, since nothing else reads it.
//
// Refused is what two readers could read differently: a name that occurs twice or
// in another case than one that is read, two names of one member, data after the
// document, a byte order mark before JSON, invalid UTF-8, base64 whose unused bits
// are set, and a member of a Sigstore bundle that is not known. A statement is what
// was signed: its names outside the predicate must be known.
//
// # Faults
//
// What is wrong is returned as faults, with these ids:
//
//	signature.encoding  how the signature, or what holds it, is written
//	signature.claims    what the signed statement or the manifest claims
//	rekor.encoding      how a log entry is written
//	rekor.log-id        a log id of the first generation that is malformed
//	limit.evidence, limit.log-entry, limit.nesting
//
// Formats: the protobuf messages of sigstore/protobuf-specs in their JSON
// mapping, DSSE 1.0, in-toto attestations 0.1 and 1.
package evidence
