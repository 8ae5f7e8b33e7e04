package rekor

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// Kinds and versions of entries. Rekor v1 writes 0.0.1 and intoto 0.0.2,
// Rekor v2 the other two of 0.0.2.
const (
	kindHashedRekord = "hashedrekord"
	kindDSSE         = "dsse"
	kindInToto       = "intoto"

	version1 = "0.0.1"
	version2 = "0.0.2"
)

// form is how the entries of one kind and version are read.
type form struct {
	kind, version string
	key           string // the member that holds the key or certificate
	parse         func(r *reader, spec jsontext.Value) *Entry
}

// forms lists what is read; a kind is added here together with its parser.
var forms = []form{
	{kindHashedRekord, version1, "spec.signature.publicKey.content", parseHashedRekord},
	{kindHashedRekord, version2, "spec.hashedRekordV002.signature.verifier", parseHashedRekord2},
	{kindDSSE, version1, "spec.signatures[0].verifier", parseDSSE},
	{kindDSSE, version2, "spec.dsseV002.signatures[0].verifier", parseDSSE2},
	{kindInToto, version1, "spec.publicKey", parseInToto},
	{kindInToto, version2, "spec.content.envelope.signatures[0].publicKey", parseInToto2},
}

// Entry is the body of a log entry, as parsed: nothing in it has been compared
// with anything.
type Entry struct {
	Kind, APIVersion string

	// HashAlgorithm and HashValue say what was signed, the value as hex: in a
	// hashedrekord the message or, for an envelope, its pre-authentication
	// encoding; in the other kinds the envelope's payload. The value is empty
	// in an old intoto 0.0.1. In a hashedrekord 0.0.1 both are as
	// found, "sha256" and lower-case in all that BindPayload accepts.
	HashAlgorithm string
	HashValue     string

	// EnvelopeHash is the SHA-256 of the whole envelope as it was uploaded, in
	// lower-case hex: in a dsse 0.0.1 and in both of intoto.
	EnvelopeHash string
	PayloadType  string // the envelope's, in an intoto 0.0.2

	Signature    []byte // nil in an intoto 0.0.1, which stores none
	PublicKeyPEM []byte // a public key or a certificate; see Key
	KeyDetails   string // the algorithm as Rekor v2 names it, empty in Rekor v1
}

// ParseEntry reads the body of a log entry. The error matches [ErrTooLarge]
// when a budget is exceeded, is an [*UnsupportedError] for an entry of another
// kind or version, and a [*FormatError] for one with unknown, missing or
// duplicate members, with another number of signatures than one, or in another
// form than its canonical JSON (RFC 8785).
func ParseEntry(body []byte) (*Entry, error) {
	if len(body) > MaxBody {
		return nil, tooLarge("log entry: bytes", len(body), MaxBody)
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
		return nil, &UnsupportedError{Kind: clip(kind), APIVersion: clip(version)}
	}
	e := f.parse(&r, top[2])
	r.canonical(body, "log entry")
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

// is tells the kind and version of e.
func (e *Entry) is(kind, version string) bool { return e.Kind == kind && e.APIVersion == version }

// isV2 tells the kinds of Rekor v2.
func isV2(kind, version string) bool {
	return version == version2 && (kind == kindHashedRekord || kind == kindDSSE)
}

// canonical refuses what is not its own canonical JSON.
func (r *reader) canonical(raw []byte, what string) {
	if r.err != nil {
		return
	}
	again := jsontext.Value(bytes.Clone(raw))
	if err := again.Canonicalize(); err != nil {
		r.fail(what, "want JSON: %v", err)
	} else if !bytes.Equal(again, raw) {
		r.fail(what, "want canonical JSON as RFC 8785 defines it, which is how a log stores an entry")
	}
}
