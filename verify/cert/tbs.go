package cert

import (
	stdasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// withoutSCTs rewrites a TBSCertificate (RFC 5280, section 4.1) to what a log
// signs: all of it but the extension with the timestamps (RFC 6962, section
// 3.2). Nothing but lengths is encoded anew.
func withoutSCTs(raw cryptobyte.String) ([]byte, error) {
	var tbs cryptobyte.String
	if !raw.ReadASN1(&tbs, asn1.SEQUENCE) || !raw.Empty() {
		return nil, malformed("certificate", "want a TBSCertificate")
	}
	var out cryptobyte.Builder
	var failed error
	out.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for !tbs.Empty() && failed == nil {
			var element cryptobyte.String
			var tag asn1.Tag
			if !tbs.ReadAnyASN1Element(&element, &tag) {
				failed = malformed("certificate", "want a TBSCertificate in DER")
			} else if tag == extensionsTag {
				failed = copyExtensions(b, element)
			} else {
				b.AddBytes(element)
			}
		}
	})
	if failed != nil {
		return nil, failed
	}
	return out.Bytes()
}

var extensionsTag = asn1.Tag(3).ContextSpecific().Constructed()

func copyExtensions(b *cryptobyte.Builder, element cryptobyte.String) error {
	var outer, list cryptobyte.String
	if !element.ReadASN1(&outer, extensionsTag) || !outer.ReadASN1(&list, asn1.SEQUENCE) || !outer.Empty() {
		return malformed("certificate", "want a list of extensions")
	}
	var kept []byte
	for !list.Empty() {
		var one, content cryptobyte.String
		var oid stdasn1.ObjectIdentifier
		if !list.ReadASN1Element(&one, asn1.SEQUENCE) {
			return malformed("certificate", "want a list of extensions")
		}
		content = one
		if !content.ReadASN1(&content, asn1.SEQUENCE) || !content.ReadASN1ObjectIdentifier(&oid) {
			return malformed("certificate", "want each extension to have a type")
		}
		if !oid.Equal(oidSCTs) {
			kept = append(kept, one...)
		}
	}
	b.AddASN1(extensionsTag, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(kept) })
	})
	return nil
}
