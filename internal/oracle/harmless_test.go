package oracle

// change describes a change to a Sigstore bundle, a key file or an identity that
// both sides accept, by its kind and the class of the field.
type change struct{ kind, class string }

// Reasons that several rows share.
const (
	order    = "writers may order members as they like"
	lessTime = "it is not needed: a log gives the time, or no time is demanded of a key's signature"
	noHint   = "a hint may be omitted, since nothing relies on it"
	truth    = "it is what was signed: the same statement in another spelling, or another predicate"
	unasked  = "no check compares it, and the log signed it: it is the hash of the envelope as it was uploaded, " +
		"which a Sigstore bundle does not keep"
	treeID = "it is the id of the tree, a number after the log's name"
)

// harmless says for each such change why it does no harm. Without this table, a
// leniency that both sides share would go unnoticed. The test fails for a change
// that is not listed, and for a row that never occurs.
var harmless = map[change]string{
	{"reorder", "Sigstore bundle"}:         order,
	{"reorder", "envelope"}:                order,
	{"reorder", "inclusion proof"}:         order,
	{"reorder", "log entry"}:               order,
	{"reorder", "message signature"}:       order,
	{"delete", "key hint"}:                 noHint,
	{"empty", "key hint"}:                  noHint,
	{"splice", "key hint"}:                 noHint,
	{"splice", "media type"}:               "a bundle that has what both versions demand may call itself either",
	{"delete", "log entry"}:                "an absent log index has the value 0",
	{"drop", "log entry"}:                  "one of two entries is enough, unless the operator demands two logs",
	{"delete", "timestamp"}:                lessTime,
	{"drop", "timestamp"}:                  lessTime,
	{"empty", "timestamp"}:                 lessTime,
	{"bit", "key file"}:                    "unused bits at the end of the base64 in a PEM block: the key is the same",
	{"byte less", "key file"}:              "the line break at the end",
	{"append", "statement, signed"}:        truth,
	{"bit", "statement, signed"}:           truth,
	{"byte before", "statement, signed"}:   truth,
	{"byte behind", "statement, signed"}:   truth,
	{"byte less", "statement, signed"}:     truth,
	{"change-first", "statement, signed"}:  truth,
	{"change-last", "statement, signed"}:   truth,
	{"delete", "statement, signed"}:        truth,
	{"insert-after", "statement, signed"}:  "a further subject that has no SHA-256",
	{"insert-before", "statement, signed"}: "a further subject that has no SHA-256",
	{"letter-case", "statement, signed"}:   truth,
	{"name-respelt", "statement, signed"}:  truth,
	{"reorder", "statement, signed"}:       truth,
	{"respelt", "statement, signed"}:       truth,
	{"space-after", "statement, signed"}:   truth,
	{"space-before", "statement, signed"}:  truth,
	{"space-inside", "statement, signed"}:  truth,
	{"change-first", "entry body, logged"}: unasked,
	{"change-last", "entry body, logged"}:  unasked,
	{"bit", "entry body, logged"}:          unasked,
	{"bit", "checkpoint, signed"}:          treeID,
}
