package oracle

// reason is why gapseal rejects what sigstore-go accepts: its first failed check,
// and the class of the field that was changed.
type reason struct{ check, class string }

// Reasons that several rows share.
const (
	spelling  = "nothing signs this part, so it must have the one spelling that tools write: known names once each, strict base64, no white space, no escapes, no null"
	proofs    = "where a signed entry timestamp or another entry suffices, sigstore-go passes over what else came; here everything that came must hold"
	rebuilt   = "sigstore-go rebuilds an entry of Rekor v2 from the Sigstore bundle and never reads the body that came; here the body is read, and must be about this signature"
	canonical = "a log stores the canonical JSON of an entry (RFC 8785), and any other spelling is none of a log"
	anchor    = "an anchor is read whole and strictly: what is malformed in a part that this bundle does not need is malformed all the same"
)

// stricter says for each reason why it is right. The test fails for a reason that
// is not here, and for a row that never occurs.
var stricter = map[reason]string{
	{"cert.encoding", "certificate"}:                  "a certificate that stands twice in the chain: nothing signs what comes along, so there is no room for it",
	{"signature.encoding", "Sigstore bundle"}:         spelling,
	{"signature.encoding", "certificate"}:             spelling,
	{"signature.encoding", "checkpoint"}:              spelling,
	{"signature.encoding", "envelope"}:                spelling,
	{"signature.encoding", "inclusion proof"}:         spelling,
	{"signature.encoding", "key hint"}:                spelling + "; and a hint must be that of the key that signed",
	{"signature.encoding", "log entry"}:               spelling,
	{"signature.encoding", "message signature"}:       spelling,
	{"signature.encoding", "signed entry timestamp"}:  spelling,
	{"signature.encoding", "timestamp"}:               spelling,
	{"rekor.encoding", "log entry"}:                   spelling,
	{"rekor.encoding", "inclusion proof"}:             spelling,
	{"rekor.encoding", "signed entry timestamp"}:      spelling + "; and a time that nobody signed must not stand there",
	{"rekor.encoding", "entry body"}:                  rebuilt,
	{"rekor.kind", "entry body"}:                      rebuilt,
	{"rekor.key", "entry body"}:                       rebuilt,
	{"rekor.payload", "entry body"}:                   rebuilt,
	{"rekor.signature", "entry body"}:                 rebuilt,
	{"rekor.encoding", "entry body, logged"}:          canonical,
	{"rekor.key", "entry body, logged"}:               "the key stands in one PEM block, written as encoding/pem writes it",
	{"rekor.payload", "entry body, logged"}:           "a digest is written in lower-case hex",
	{"rekor.inclusion", "inclusion proof"}:            "the root hash of a proof is compared with the checkpoint's; for Rekor v2, sigstore-go takes the checkpoint's in its place",
	{"rekor.checkpoint", "inclusion proof"}:           "the tree size of a proof is compared with the checkpoint's; sigstore-go asks of it only that the hashes lead to the root",
	{"rekor.checkpoint", "checkpoint"}:                "signature lines are read in their one spelling, and no second one stands under one key; " + proofs,
	{"rekor.checkpoint", "checkpoint, signed"}:        "the origin must be the name of the log that signed; sigstore-go does not compare it for Rekor v1",
	{"signature.claims", "statement, signed"}:         "a statement is strict JSON of known names, each once, of a known type, about the image by a lower-case SHA-256; sigstore-go reads it with encoding/json",
	{"tsa.timestamp", "timestamp"}:                    "each timestamp that came must be good and DER throughout, where a log's time suffices and under a key, too; sigstore-go passes over a bad one",
	{"tsa.timestamp", "root: timestamp authorities"}:  "as for a bad timestamp: here it is the authority's window or certificate that it does not fit",
	{"trust.log", "log entry"}:                        "of two entries, the one that names a log that is not trusted; " + proofs,
	{"trust.validity", "root: logs"}:                  "the log's key must have been valid at the time; for Rekor v2, sigstore-go does not ask",
	{"trusted-root", "root: logs"}:                    anchor,
	{"trusted-root", "root: certificate logs"}:        anchor,
	{"trusted-root", "root: certificate authorities"}: anchor + "; and each certificate of a chain is signed by the next",
	{"trusted-root", "root: timestamp authorities"}:   anchor + "; and each certificate of a chain is signed by the next",
	{"input", "key file"}:                             "a key file holds one PEM block and nothing else",
}
