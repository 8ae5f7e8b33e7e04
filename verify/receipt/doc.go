// Package receipt makes and reads receipts: what a verification found, signed by
// whoever verified. A receipt can be carried back to the sending side, filed, and
// checked again later, by itself or against the bundle.
//
// A receipt is a DSSE envelope as package dsse writes it. Its payload is the
// canonical JSON (RFC 8785) of
//
//	{"bundle":{"identity":DIGEST,"size":BYTES},"report":TEXT,"reportDigest":DIGEST,
//	 "schema":"gapseal.receipt/v1","transferID":ID,"verdict":VERDICT,"verifiedAt":TIME}
//
// The report stands in it as text, byte for byte as the JSON report was written,
// so that its digest is that of the file. Everything else follows from the
// report, but for the transfer's id, which is null if there is none; so does the
// identity of a file that has none. A reader derives it again and compares.
package receipt
