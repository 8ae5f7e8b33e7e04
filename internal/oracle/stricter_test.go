package oracle

import "regexp"

// reason is why gapseal rejects what sigstore-go accepts, for the first failed checks
// and the classes of the changed fields for which it holds. Both are regular
// expressions, which must match the whole.
type reason struct{ name, checks, classes, why string }

// stricter lists the reasons, the first that fits. Each is one of security: how a
// thing is spelled is none. The test fails for a case that no row explains, and for
// a row that never occurs.
var stricter = []reason{
	{"body of a log entry", `rekor\..*`, `entry body.*`,
		"sigstore-go rebuilds the entry from the Sigstore bundle and ignores the body in it; gapseal reads the body, " +
			"which is what the log stored: canonical, about this signature, and with nothing around the key"},
	{"present and wrong", `rekor\.(inclusion|checkpoint|encoding|log-id)|trust\.validity`,
		`inclusion proof|checkpoint|checkpoint, signed|log entry|signed entry timestamp|root: logs`,
		"where a signed entry timestamp or another entry suffices, sigstore-go ignores the rest; what claims to be by a " +
			"trusted log and is wrong is a sign of tampering: a time that nothing signs, a root or size that is not the " +
			"checkpoint's, an origin that is not the log's, a second signature under one key"},
	{"timestamps", `tsa\.timestamp|cert\.chain`, `timestamp|root: timestamp authorities`,
		"a timestamp that names a trusted authority and is wrong is a sign of tampering, even if a log gives the time"},
	{"two readings", `signature\.encoding|rekor\.encoding`, `.*`,
		"two readers could read two things: base64 whose unused bits are set, an unknown member, an empty part"},
	{"statement", `signature\.claims`, `statement, signed`,
		"the statement is what was signed, and is judged byte by byte: known names, once each, in exact case, about the " +
			"image by a lower-case SHA-256"},
	{"anchors", `trusted-root`, `root: .*`,
		"an anchor is read completely, including the parts that this bundle does not need: an operator should not rely " +
			"on a damaged file"},
}

// reasonFor returns the name of the row for a case; ok is false if there is none.
func reasonFor(check, class string) (name string, ok bool) {
	for _, r := range stricter {
		if whole(r.checks, check) && whole(r.classes, class) {
			return r.name, true
		}
	}
	return "no reason for " + check + " of " + class, false
}

func whole(pattern, s string) bool { return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(s) }

// stricterRows returns the reasons by name.
func stricterRows() map[string]string {
	rows := map[string]string{}
	for _, r := range stricter {
		rows[r.name] = r.why
	}
	return rows
}
