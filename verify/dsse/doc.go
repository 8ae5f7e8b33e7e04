// Package dsse signs what gapseal says itself (seals, receipts, register heads)
// and reads it back: DSSE 1.0 envelopes with exactly one signature, in one
// spelling.
//
// An envelope is the canonical JSON (RFC 8785) of
//
//	{"payload":BASE64,"payloadType":TYPE,"signatures":[{"keyid":KEY,"sig":BASE64}]}
//
// without a byte around it, where KEY is the fingerprint of the key as
// [trust.Key.Fingerprint] writes it. Nothing else is read: evidence of other
// makers, in all its spellings, is package evidence's business.
//
// The payload type is signed with the payload, and whoever opens an envelope
// names the one type that will do. So an envelope made for one purpose never
// serves another, though the same key signed it.
package dsse
