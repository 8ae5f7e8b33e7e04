package cert

import (
	"crypto/x509"
	stdasn1 "encoding/asn1"
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/gapseal/gapseal/verify/check"
)

// Identity is to whom a certificate was issued.
type Identity struct {
	SAN        string // the subject alternative name
	SANKind    string // SANEmail, SANURI or SANUsername
	Issuer     string // the OpenID Connect issuer; empty if none is named
	Extensions []Extension
}

// Extension is one of Fulcio's extensions in the certificate.
type Extension struct {
	Number int    // under 1.3.6.1.4.1.57264.1
	Name   string // as Fulcio's documentation calls it
	Value  string
}

// Value returns the value of an extension by its number, or an empty string if
// there is none.
func (id *Identity) Value(number int) string {
	for _, e := range id.Extensions {
		if e.Number == number {
			return e.Value
		}
	}
	return ""
}

// The extensions that this package uses.
const (
	numberIssuerV1   = 1
	numberTrigger    = 2
	numberSHA        = 3
	numberName       = 4
	numberRepository = 5
	numberRef        = 6
	numberIssuerV2   = 8
)

// extensionNames is the table of Fulcio's docs/oid-info.md. Numbers up to
// lastRaw hold the text itself, the others a DER UTF8String. Number 7 is in the
// subject alternative name.
var extensionNames = map[int]string{
	numberIssuerV1:   "Issuer",
	numberTrigger:    "GitHub Workflow Trigger",
	numberSHA:        "GitHub Workflow SHA",
	numberName:       "GitHub Workflow Name",
	numberRepository: "GitHub Workflow Repository",
	numberRef:        "GitHub Workflow Ref",
	numberIssuerV2:   "Issuer (V2)",
	9:                "Build Signer URI",
	10:               "Build Signer Digest",
	11:               "Runner Environment",
	12:               "Source Repository URI",
	13:               "Source Repository Digest",
	14:               "Source Repository Ref",
	15:               "Source Repository Identifier",
	16:               "Source Repository Owner URI",
	17:               "Source Repository Owner Identifier",
	18:               "Build Config URI",
	19:               "Build Config Digest",
	20:               "Build Trigger",
	21:               "Run Invocation URI",
	22:               "Source Repository Visibility At Signing",
	23:               "Deployment Environment",
	24:               "Token Subject",
}

const lastRaw = numberRef

var oidFulcio = stdasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1}

// ReadIdentity returns to whom cert was issued. The error is a
// [*check.FormatError] unless there is exactly one subject alternative name of
// a kind that Fulcio issues, and each extension is encoded as it must be. It is
// an [*IssuerError] if the certificate names two issuers. Extensions under
// Fulcio's arc that are not in its table are ignored.
func ReadIdentity(cert *x509.Certificate) (*Identity, error) {
	kind, san, err := readSAN(cert)
	if err != nil {
		return nil, err
	}
	id := &Identity{SAN: san, SANKind: kind}
	numbers := map[int]bool{}
	for _, e := range cert.Extensions {
		number, ok := fulcioNumber(e.Id)
		if !ok {
			continue
		}
		value, err := readValue(number, e.Value)
		if err != nil {
			return nil, err
		}
		numbers[number] = true
		id.Extensions = append(id.Extensions, Extension{Number: number, Name: extensionNames[number], Value: value})
	}
	v1, v2 := id.Value(numberIssuerV1), id.Value(numberIssuerV2)
	if numbers[numberIssuerV1] && numbers[numberIssuerV2] && v1 != v2 {
		return nil, &IssuerError{V1: v1, V2: v2}
	}
	id.Issuer = v1
	if numbers[numberIssuerV2] {
		id.Issuer = v2
	}
	return id, nil
}

func fulcioNumber(oid stdasn1.ObjectIdentifier) (int, bool) {
	n := len(oidFulcio)
	if len(oid) != n+1 || !oid[:n].Equal(oidFulcio) {
		return 0, false
	}
	_, known := extensionNames[oid[n]]
	return oid[n], known
}

func readValue(number int, value cryptobyte.String) (string, error) {
	text := value
	if number > lastRaw && (!value.ReadASN1(&text, asn1.UTF8String) || !value.Empty()) {
		return "", check.Malformed("certificate extension "+extensionNames[number], "want one UTF8String")
	}
	if !printable(text) {
		return "", check.Malformed("certificate extension "+extensionNames[number], "want printable text")
	}
	return string(text), nil
}

// The kinds of subject alternative name that Fulcio gives.
const (
	SANEmail    = "email"
	SANURI      = "URI"
	SANUsername = "username"
)

var (
	oidSAN       = stdasn1.ObjectIdentifier{2, 5, 29, 17} // RFC 5280, section 4.2.1.6
	oidOtherName = stdasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 7}
)

// readSAN requires exactly one name. With two, a reader that takes the first
// and one that takes any would see two signers.
func readSAN(cert *x509.Certificate) (kind, value string, err error) {
	raw := extension(cert, oidSAN)
	if raw == nil {
		return "", "", check.Malformed("subject alternative name", "want exactly one, found none")
	}
	var names, name cryptobyte.String
	var tag asn1.Tag
	if !raw.ReadASN1(&names, asn1.SEQUENCE) || !raw.Empty() || !names.ReadAnyASN1(&name, &tag) {
		return "", "", check.Malformed("subject alternative name", "want exactly one, found none")
	}
	if !names.Empty() {
		return "", "", check.Malformed("subject alternative name", "want exactly one, found more")
	}
	switch tag {
	case asn1.Tag(1).ContextSpecific():
		kind = SANEmail
	case asn1.Tag(6).ContextSpecific():
		kind = SANURI
	case asn1.Tag(0).ContextSpecific().Constructed():
		kind = SANUsername
		if name, err = readOtherName(name); err != nil {
			return "", "", err
		}
	default:
		return "", "", check.Malformed("subject alternative name",
			"want an e-mail address, URI or user name, found a name of another kind")
	}
	if len(name) == 0 || !printable(name) {
		return "", "", check.Malformed("subject alternative name", "want printable text")
	}
	return kind, string(name), nil
}

func readOtherName(in cryptobyte.String) (cryptobyte.String, error) {
	var kind stdasn1.ObjectIdentifier
	var value, text cryptobyte.String
	if !in.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidOtherName) {
		return nil, check.Malformed("subject alternative name", "otherName: want the type %s", oidOtherName)
	}
	if !in.ReadASN1(&value, asn1.Tag(0).ContextSpecific().Constructed()) || !in.Empty() ||
		!value.ReadASN1(&text, asn1.UTF8String) || !value.Empty() {
		return nil, check.Malformed("subject alternative name", "otherName: want one UTF8String")
	}
	return text, nil
}

// extension returns the value of an extension, or nil if there is none.
// crypto/x509 refuses a certificate that has the same extension twice.
func extension(cert *x509.Certificate, oid stdasn1.ObjectIdentifier) cryptobyte.String {
	for _, e := range cert.Extensions {
		if e.Id.Equal(oid) {
			return e.Value
		}
	}
	return nil
}

// printable reports whether text is UTF-8 without control characters, which
// could make one value look like another.
func printable(text []byte) bool {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 || unicode.IsControl(r) {
			return false
		}
		text = text[size:]
	}
	return true
}

// IssuerError reports that the two extensions for the OpenID Connect issuer
// name different issuers.
type IssuerError struct {
	V1 string // 1.3.6.1.4.1.57264.1.1
	V2 string // 1.3.6.1.4.1.57264.1.8
}

// Error names both issuers.
func (e *IssuerError) Error() string {
	return fmt.Sprintf("certificate names two issuers: %q in the old extension, %q in the new", e.V1, e.V2)
}
