package oracle

// change describes a change to a Sigstore bundle, a key file or an identity that
// both sides accept, by its kind and the class of the field.
type change struct{ kind, class string }

// Reasons that several rows share.
const (
	order     = "writers may order members as they like"
	lessTime  = "it is not needed: a log gives the time, or no time is demanded of a key's signature"
	noHint    = "a hint is only a hint: nothing relies on it"
	spelled   = "white space and escapes in what holds a signature"
	elsewhere = "the changed entry names a log that is not trusted, and one of two entries is enough"
	number    = "an integer or an enumeration may be written as a number"
	other     = "the timestamp names an authority that is not trusted, so it does not count, and nothing needs it"
	truth     = "it is what was signed: the same statement in another spelling, or another predicate"
	unasked   = "no check compares it, and the log signed it: it is the hash of the envelope as it was uploaded, " +
		"which a Sigstore bundle does not keep"
	treeID = "it is the id of the tree, a number after the log's name"
)

// harmless says for each such change why it does no harm. Without this table, a
// leniency that both sides share would go unnoticed. The test fails for a change
// that is not listed, and for a row that never occurs.
var harmless = map[change]string{
	{"space-before", "any"}:                spelled,
	{"space-after", "any"}:                 spelled,
	{"respelt", "any"}:                     spelled,
	{"name-respelt", "any"}:                spelled,
	{"null", "key hint"}:                   noHint,
	{"append", "key hint"}:                 noHint,
	{"bit", "key hint"}:                    noHint,
	{"byte before", "key hint"}:            noHint,
	{"byte behind", "key hint"}:            noHint,
	{"byte less", "key hint"}:              noHint,
	{"change-first", "key hint"}:           noHint,
	{"change-last", "key hint"}:            noHint,
	{"letter-case", "key hint"}:            noHint,
	{"space-inside", "key hint"}:           noHint,
	{"letter-case", "log entry"}:           elsewhere,
	{"change-first", "log entry"}:          elsewhere,
	{"bit", "log entry"}:                   elsewhere,
	{"byte before", "log entry"}:           elsewhere,
	{"byte behind", "log entry"}:           elsewhere,
	{"byte less", "log entry"}:             elsewhere,
	{"reverse", "log entry"}:               "two entries in the other order",
	{"null", "log entry"}:                  "an absent log index has the value 0",
	{"wrong-type", "log entry"}:            number,
	{"wrong-type", "inclusion proof"}:      number,
	{"wrong-type", "message signature"}:    number,
	{"null", "timestamp"}:                  lessTime,
	{"bit", "timestamp"}:                   other,
	{"duplicate-element", "certificate"}:   "the chain that comes along is not used",
	{"byte behind", "key file"}:            "text after the PEM block",
	{"reorder", "entry body, logged"}:      spelled,
	{"letter-case", "entry body, logged"}:  "hex in upper case",
	{"byte less", "entry body, logged"}:    "the line break at the end of the PEM block of the key",
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
	{"reorder", "statement, signed"}:       truth,
	{"space-inside", "statement, signed"}:  truth,
	{"change-first", "entry body, logged"}: unasked,
	{"change-last", "entry body, logged"}:  unasked,
	{"bit", "entry body, logged"}:          unasked,
	{"bit", "checkpoint, signed"}:          treeID,
}

// changeOf returns the row to which a case belongs. Changes of spelling are the same
// in every class.
func changeOf(c *testCase) change {
	switch k := c.kind(); k {
	case "space-before", "space-after", "respelt", "name-respelt":
		return change{k, "any"}
	default:
		return change{k, c.class}
	}
}
