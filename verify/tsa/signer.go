package tsa

import (
	stdasn1 "encoding/asn1"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

var (
	oidContentType          = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}         // RFC 5652, section 11.1
	oidSigningCertificateV2 = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // RFC 5035, section 3
)

// signerInfo says who signed, by RFC 5652, section 5.3.
type signerInfo struct {
	issuer []byte // distinguished name, DER
	serial *big.Int
	digest stdasn1.ObjectIdentifier
	essV2  []byte // SigningCertificateV2 in DER, nil if there is none
}

// read asks for exactly one signer, named by issuer and serial number, with
// signed attributes.
func (s *signerInfo) read(signers cryptobyte.String) error {
	var one, name, issuer, digest, attributes cryptobyte.String
	var version int
	s.serial = new(big.Int)
	if !signers.ReadASN1(&one, asn1.SEQUENCE) || !signers.Empty() {
		return malformed("SignedData", "want exactly one signer")
	}
	if !one.ReadASN1Integer(&version) || version != 1 || !one.ReadASN1(&name, asn1.SEQUENCE) ||
		!name.ReadASN1Element(&issuer, asn1.SEQUENCE) || !name.ReadASN1Integer(s.serial) || !name.Empty() {
		return malformed("SignerInfo", "want one of version 1, with the issuer and serial number of the certificate")
	}
	if !one.ReadASN1(&digest, asn1.SEQUENCE) || !digest.ReadASN1ObjectIdentifier(&s.digest) {
		return malformed("SignerInfo", "want a digest algorithm")
	}
	if !one.ReadASN1(&attributes, explicit(0)) {
		return malformed("SignerInfo", "want signed attributes")
	}
	if !one.SkipASN1(asn1.SEQUENCE) || !one.SkipASN1(asn1.OCTET_STRING) || !one.Empty() {
		return malformed("SignerInfo", "want a signature last: nothing signs an attribute behind it")
	}
	s.issuer = issuer
	return s.readAttributes(attributes)
}

// readAttributes takes each attribute once and with one value. The message
// digest is the library's to check.
func (s *signerInfo) readAttributes(in cryptobyte.String) error {
	seen := map[string]cryptobyte.String{}
	for !in.Empty() {
		var attribute, values, value cryptobyte.String
		var kind stdasn1.ObjectIdentifier
		var tag asn1.Tag
		if !in.ReadASN1(&attribute, asn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&kind) ||
			!attribute.ReadASN1(&values, asn1.SET) || !attribute.Empty() ||
			!values.ReadAnyASN1Element(&value, &tag) || !values.Empty() {
			return malformed("SignerInfo", "want each signed attribute to be a type and one value")
		}
		if _, ok := seen[kind.String()]; ok {
			return malformed("SignerInfo", "the signed attribute %s stands twice", kind)
		}
		seen[kind.String()] = value
	}
	var content stdasn1.ObjectIdentifier
	contentType := seen[oidContentType.String()]
	if !contentType.ReadASN1ObjectIdentifier(&content) || !content.Equal(oidTSTInfo) {
		return malformed("SignerInfo", "want the signed attribute content type to be TSTInfo, %s", oidTSTInfo)
	}
	s.essV2 = seen[oidSigningCertificateV2.String()]
	return nil
}

// certHash returns the first certificate's digest from a SigningCertificateV2
// (RFC 5035, section 4), and its algorithm, SHA-256 when none is named.
func (s *signerInfo) certHash() (stdasn1.ObjectIdentifier, []byte, error) {
	in := cryptobyte.String(s.essV2)
	var signing, certs, first, algorithm, digest cryptobyte.String
	var named bool
	oid := oidSHA256
	if !in.ReadASN1(&signing, asn1.SEQUENCE) || !signing.ReadASN1(&certs, asn1.SEQUENCE) || !certs.ReadASN1(&first, asn1.SEQUENCE) ||
		!first.ReadOptionalASN1(&algorithm, &named, asn1.SEQUENCE) ||
		named && !algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!first.ReadASN1(&digest, asn1.OCTET_STRING) {
		return nil, nil, malformed("SigningCertificateV2", "want the digest of the signer's certificate")
	}
	return oid, digest, nil
}
