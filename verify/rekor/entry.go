package rekor

import (
	"bytes"
	"errors"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// Kinds and versions of entries. Rekor v1 writes version 0.0.1 of each kind, and
// intoto 0.0.2. Rekor v2 writes hashedrekord 0.0.2 and dsse 0.0.2.
const (
	kindHashedRekord = "hashedrekord"
	kindDSSE         = "dsse"
	kindInToto       = "intoto"

	version1 = "0.0.1"
	version2 = "0.0.2"
)

// form says how the entries of one kind and version are read.
type form struct {
	kind, version string
	key           string // the member that holds the key or certificate
	parse         func(r *reader, spec jsontext.Value) *Entry
}

// forms lists what is read. A new kind is added here together with its parser.
var forms = []form{
	{kindHashedRekord, version1, "spec.signature.publicKey.content", parseHashedRekord},
	{kindHashedRekord, version2, "spec.hashedRekordV002.signature.verifier", parseHashedRekord2},
	{kindDSSE, version1, "spec.signatures[0].verifier", parseDSSE},
	{kindDSSE, version2, "spec.dsseV002.signatures[0].verifier", parseDSSE2},
	{kindInToto, version1, "spec.publicKey", parseInToto},
	{kindInToto, version2, "spec.content.envelope.signatures[0].publicKey", parseInToto2},
}

// Entry is the body of a [LogEntry] or a [Bundle], as parsed. Nothing in it has been
// compared with the signature that it is about.
type Entry struct {
	Kind, APIVersion string

	// HashAlgorithm and HashValue identify what was signed, the value in hex:
	// in a hashedrekord the message or, for an envelope, its pre-authentication
	// encoding; in the other kinds the envelope's payload. The value is empty
	// in an old intoto 0.0.1. In a hashedrekord 0.0.1 both are as found;
	// [Entry.BindPayload] accepts only "sha256" and lower-case hex.
	HashAlgorithm string
	HashValue     string

	// EnvelopeHash is the SHA-256 of the whole envelope as it was uploaded, in
	// lower-case hex. Only a dsse 0.0.1 and both versions of intoto have it.
	EnvelopeHash string
	PayloadType  string // the envelope's, in an intoto 0.0.2

	Signature    []byte // nil in an intoto 0.0.1, which stores none
	PublicKeyPEM []byte // a public key or a certificate; see Key
	KeyDetails   string // the algorithm as Rekor v2 names it, empty in Rekor v1
}

// ParseEntry reads the body of a log entry. The error matches
// [check.ErrTooLarge] when a budget is exceeded, is an [*UnsupportedError] for
// an entry of another kind or version, and a [*check.FormatError] for one with
// unknown, missing or duplicate members, or with another number of signatures than
// one. An entry of Rekor v2 must be in canonical JSON (RFC 8785) too.
func ParseEntry(body []byte) (*Entry, error) {
	if len(body) > MaxBody {
		return nil, check.TooLarge("log entry: bytes", len(body), MaxBody)
	}
	var r reader
	r.depth(body, "log entry")
	top := r.object(body, "log entry", "apiVersion", "kind", "spec")
	version, kind := r.text(top[0], "apiVersion"), r.text(top[1], "kind")
	if r.err != nil {
		return nil, r.err
	}
	f := findForm(kind, version)
	if f == nil {
		return nil, &UnsupportedError{Kind: check.Clip(kind), APIVersion: check.Clip(version)}
	}
	e := f.parse(&r, top[2])
	if isV2(kind, version) {
		r.canonical(body, "log entry")
	}
	if r.err != nil {
		return nil, r.err
	}
	e.Kind, e.APIVersion = kind, version
	return e, nil
}

func findForm(kind, version string) *form {
	for i, f := range forms {
		if f.kind == kind && f.version == version {
			return &forms[i]
		}
	}
	return nil
}

// is reports whether e is of this kind and version.
func (e *Entry) is(kind, version string) bool { return e.Kind == kind && e.APIVersion == version }

// isV2 reports whether Rekor v2 writes entries of this kind and version.
func isV2(kind, version string) bool {
	return version == version2 && (kind == kindHashedRekord || kind == kindDSSE)
}

// canonical refuses a text that differs from its own canonical JSON.
func (r *reader) canonical(raw []byte, what string) {
	if r.err != nil {
		return
	}
	again := jsontext.Value(bytes.Clone(raw))
	if err := again.Canonicalize(); err != nil {
		r.fail(what, "want JSON: %v", err)
	} else if !bytes.Equal(again, raw) {
		r.fail(what, "want canonical JSON as RFC 8785 defines it: some readers of Rekor v2 write the entry again")
	}
}

// maxInteger is the largest integer that canonical JSON can hold. RFC 8785
// writes numbers as IEEE 754 doubles, so the log would sign a rounded value of
// a larger one.
const maxInteger = 1<<53 - 1

// reader takes strict JSON apart. It keeps its first error, and returns empty
// values from then on.
type reader struct{ err error }

func (r *reader) fail(what, format string, args ...any) {
	if r.err == nil {
		r.err = check.Malformed(what, format, args...)
	}
}

// depth refuses nesting beyond MaxDepth. All other syntax is left to object.
func (r *reader) depth(raw []byte, what string) {
	err := strict.Walk(raw, MaxDepth, nil)
	if errors.Is(err, strict.ErrTooDeep) {
		r.err = check.TooLarge(what+": JSON nesting", MaxDepth+1, MaxDepth)
	} else if err != nil {
		r.fail(what, "want JSON: %v", err)
	}
}

// object returns the values of the named members, in that order, of an object
// that has these members and no others.
func (r *reader) object(raw []byte, what string, names ...string) []jsontext.Value {
	members := r.members(raw, what)
	values := r.take(members, what, names)
	r.none(members, what, names)
	return values
}

// objectWith is like object, but the object may have one further member, whose
// value is nil if it is absent.
func (r *reader) objectWith(raw []byte, what, optional string, names ...string) ([]jsontext.Value, jsontext.Value) {
	members := r.members(raw, what)
	values := r.take(members, what, names)
	extra := members[optional]
	delete(members, optional)
	r.none(members, what, append([]string{optional}, names...))
	return values, extra
}

// objectOr is like object, but the object also has exactly one of the members in
// choice. The value of that member comes last; the second result is its index in
// choice.
func (r *reader) objectOr(raw []byte, what string, choice []string, names ...string) ([]jsontext.Value, int) {
	members := r.members(raw, what)
	i := 0
	for j, name := range choice {
		if _, ok := members[name]; ok {
			i = j
		}
	}
	names = append(names, choice[i])
	values := r.take(members, what, names)
	r.none(members, what, names)
	return values, i
}

func (r *reader) members(raw []byte, what string) (members map[string]jsontext.Value) {
	if r.err != nil {
		return nil
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		r.fail(what, "want a JSON object, each member once and nothing after it: %v", err)
	}
	return members
}

// take removes the named members from members and returns their values.
func (r *reader) take(members map[string]jsontext.Value, what string, names []string) []jsontext.Value {
	values := make([]jsontext.Value, len(names))
	for i, name := range names {
		value, ok := members[name]
		if !ok {
			r.fail(what, "member %q is missing", name)
		}
		values[i] = value
		delete(members, name)
	}
	return values
}

func (r *reader) none(members map[string]jsontext.Value, what string, names []string) {
	if len(members) > 0 {
		r.fail(what, "unknown member %q, want only %q", firstName(members), names)
	}
}

// only returns the one element of an array.
func (r *reader) only(raw jsontext.Value, what string) jsontext.Value {
	if r.err != nil {
		return nil
	}
	var elements []jsontext.Value
	if err := json.Unmarshal(raw, &elements); err != nil {
		r.fail(what, "want an array: %v", err)
		return nil
	}
	if len(elements) != 1 {
		r.fail(what, "want exactly one, found %d", len(elements))
		return nil
	}
	return elements[0]
}

// firstName returns the same name on every run, so that messages do not vary.
func firstName(members map[string]jsontext.Value) string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	return slices.Min(names)
}

func (r *reader) text(raw jsontext.Value, what string) (s string) {
	if r.err != nil {
		return ""
	}
	if raw.Kind() != '"' {
		r.fail(what, "want a string, found %s", raw)
		return ""
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		r.fail(what, "want a string: %v", err)
	}
	return s
}

func (r *reader) integer(raw jsontext.Value, what string, least int64) int64 {
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < least || n > maxInteger || strconv.FormatInt(n, 10) != string(raw) {
		r.fail(what, "want a plain integer from %d to %d, found %s", least, int64(maxInteger), raw)
	}
	return n
}

func (r *reader) base64(raw jsontext.Value, what string) []byte {
	return r.decode64(r.text(raw, what), what)
}

// decode64 decodes base64 that is not empty.
func (r *reader) decode64(s, what string) []byte {
	if r.err != nil {
		return nil
	}
	b, err := strict.Base64(s)
	if err != nil {
		r.fail(what, "%v", err)
	} else if len(b) == 0 {
		r.fail(what, "want at least one byte in base64, found none")
	}
	return b
}
