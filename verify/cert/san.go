package cert

import (
	"crypto/x509"
	stdasn1 "encoding/asn1"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

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

// readSAN asks for exactly one name. With two, a reader who takes the first and
// one who takes any would see two signers.
func readSAN(cert *x509.Certificate) (kind, value string, err error) {
	raw := extension(cert, oidSAN)
	if raw == nil {
		return "", "", malformed("subject alternative name", "want exactly one, found none")
	}
	var names, name cryptobyte.String
	var tag asn1.Tag
	if !raw.ReadASN1(&names, asn1.SEQUENCE) || !raw.Empty() || !names.ReadAnyASN1(&name, &tag) {
		return "", "", malformed("subject alternative name", "want exactly one, found none")
	}
	if !names.Empty() {
		return "", "", malformed("subject alternative name", "want exactly one, found more")
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
		return "", "", malformed("subject alternative name", "want an e-mail address, URI or user name, found a name of another kind")
	}
	if len(name) == 0 || !printable(name) {
		return "", "", malformed("subject alternative name", "want printable text")
	}
	return kind, string(name), nil
}

func readOtherName(in cryptobyte.String) (cryptobyte.String, error) {
	var kind stdasn1.ObjectIdentifier
	var value, text cryptobyte.String
	if !in.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidOtherName) {
		return nil, malformed("subject alternative name", "otherName: want the type %s", oidOtherName)
	}
	if !in.ReadASN1(&value, asn1.Tag(0).ContextSpecific().Constructed()) || !in.Empty() ||
		!value.ReadASN1(&text, asn1.UTF8String) || !value.Empty() {
		return nil, malformed("subject alternative name", "otherName: want one UTF8String")
	}
	return text, nil
}

// extension returns the value of an extension, nil if there is none.
// crypto/x509 refuses a certificate with the same extension twice.
func extension(cert *x509.Certificate, oid stdasn1.ObjectIdentifier) cryptobyte.String {
	for _, e := range cert.Extensions {
		if e.Id.Equal(oid) {
			return e.Value
		}
	}
	return nil
}

// printable tells whether text is UTF-8 without control characters, by which
// one value may be shown as another.
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
