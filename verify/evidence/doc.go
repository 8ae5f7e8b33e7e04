// Package evidence reads what speaks for an image, in every form that cosign
// and its peers store it, into one type, [Evidence]. It judges how evidence is
// written and whether it is about the image it is stored for, not whether its
// signature is good: no key is at hand here.
//
// # Forms
//
//   - cosign's first generation: a manifest whose layers are signed payloads
//     ([ReadCosign]) or DSSE envelopes ([ReadAttestations]), with signature,
//     certificate, log entry and timestamp in the annotations of the layer;
//   - Sigstore bundles 0.1 to 0.3, stored as the one layer of a referrer
//     ([ReadReferrer]), holding a DSSE envelope or a message signature;
//   - in-toto statements stored as such, or in a DSSE envelope, as layers of
//     type application/vnd.in-toto+json ([ReadInToto]).
//
// [Read] chooses by the kind under which a manifest is listed.
//
// # Strictness
//
// No signature covers what holds a signature: the manifest, its annotations,
// an envelope, a Sigstore bundle. So every name in them must be known, and
// every value must have the one spelling that the tools write: names in
// camelCase, each once; standard base64 with padding; 64-bit integers as plain
// decimal strings; no null, no byte order mark, nothing after the document, no
// white space (see [Written]) and no escapes that a writer would not need.
//
// What is wrong is returned as faults, under these ids:
//
//	signature.encoding  how the signature, or what holds it, is written
//	signature.claims    what the signed statement or the manifest says
//	rekor.encoding      how a log entry is written
//	rekor.log-id        a log id of the first generation that is none
//	limit.evidence, limit.log-entry, limit.nesting
//
// Formats: the protobuf messages of sigstore/protobuf-specs in their JSON
// mapping, DSSE 1.0, in-toto attestations 0.1 and 1.
package evidence
