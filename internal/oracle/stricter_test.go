package oracle

// reason is why gapseal rejects what sigstore-go accepts: its first failed check,
// and the class of the field that was changed.
type reason struct{ check, class string }

// Reasons that several rows share.
const (
	spelling = "nothing signs this part, so only the spelling that tools write is accepted: known names, once each, " +
		"strict base64, no white space, no escapes, no null"
	proofs = "where a signed entry timestamp or another entry suffices, sigstore-go ignores the rest; " +
		"gapseal requires everything that is present to be right"
	rebuilt = "sigstore-go reconstructs an entry of Rekor v2 from the Sigstore bundle and ignores the body in it; " +
		"gapseal reads the body, which must be about this signature"
	canonical = "a log stores the canonical JSON of an entry (RFC 8785), so an entry in another spelling " +
		"cannot be one of a log"
	anchor = "gapseal reads an anchor completely and strictly, including the parts that this bundle does not need"
	chain  = anchor + "; and each certificate of a chain must be signed by the next"
)

// stricter says for each reason why gapseal is right. The test fails for a reason
// that is not listed, and for a row that never occurs.
var stricter = map[reason]string{
	{"cert.encoding", "certificate"}: "a certificate occurs twice in the chain: " +
		"nothing signs the chain, so it must contain no more than is needed",
	{"signature.encoding", "Sigstore bundle"}:        spelling,
	{"signature.encoding", "certificate"}:            spelling,
	{"signature.encoding", "checkpoint"}:             spelling,
	{"signature.encoding", "envelope"}:               spelling,
	{"signature.encoding", "inclusion proof"}:        spelling,
	{"signature.encoding", "key hint"}:               spelling + "; and a hint must be that of the key that signed",
	{"signature.encoding", "log entry"}:              spelling,
	{"signature.encoding", "message signature"}:      spelling,
	{"signature.encoding", "signed entry timestamp"}: spelling,
	{"signature.encoding", "timestamp"}:              spelling,
	{"rekor.encoding", "log entry"}:                  spelling,
	{"rekor.encoding", "inclusion proof"}:            spelling,
	{"rekor.encoding", "signed entry timestamp"}:     spelling + "; and an unsigned time must not be present",
	{"rekor.encoding", "entry body"}:                 rebuilt,
	{"rekor.kind", "entry body"}:                     rebuilt,
	{"rekor.key", "entry body"}:                      rebuilt,
	{"rekor.payload", "entry body"}:                  rebuilt,
	{"rekor.signature", "entry body"}:                rebuilt,
	{"rekor.encoding", "entry body, logged"}:         canonical,
	{"rekor.key", "entry body, logged"}:              "the key must be one PEM block, encoded as encoding/pem does",
	{"rekor.payload", "entry body, logged"}:          "a digest must be in lower-case hex",
	{"rekor.inclusion", "inclusion proof"}: "the root hash of a proof must be that of the checkpoint; " +
		"for Rekor v2, sigstore-go ignores it and uses the checkpoint's",
	{"rekor.checkpoint", "inclusion proof"}: "the tree size of a proof must be that of the checkpoint; " +
		"sigstore-go only requires that the hashes lead to the root",
	{"rekor.checkpoint", "checkpoint"}: "signature lines have one spelling, " +
		"and there is only one for each key; " + proofs,
	{"rekor.checkpoint", "checkpoint, signed"}: "the origin must be the name of the log that signed; " +
		"sigstore-go does not compare it for Rekor v1",
	{"signature.claims", "statement, signed"}: "a statement must be strict JSON with known names, once each, " +
		"of a known type, about the image by a lower-case SHA-256; sigstore-go reads it with encoding/json",
	{"tsa.timestamp", "timestamp"}: "each timestamp that is present must be right, and DER throughout, " +
		"even if a log gives the time or a key is pinned; sigstore-go ignores a wrong one",
	{"tsa.timestamp", "root: timestamp authorities"}: "as for a wrong timestamp: " +
		"here it does not fit the authority's validity or certificate",
	{"trust.log", "log entry"}: "one of two entries names a log that is not trusted; " + proofs,
	{"trust.validity", "root: logs"}: "the log's key must have been valid at the time of the entry; " +
		"for Rekor v2, sigstore-go does not check that",
	{"trusted-root", "root: logs"}:                    anchor,
	{"trusted-root", "root: certificate logs"}:        anchor,
	{"trusted-root", "root: certificate authorities"}: chain,
	{"trusted-root", "root: timestamp authorities"}:   chain,
	{"input", "key file"}:                             "a key file must hold one PEM block and nothing else",
}
