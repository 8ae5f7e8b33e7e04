package tsa

import (
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/gapseal/gapseal/verify/check"
)

// MaxToken is the budget for a token, in bytes. A token with a chain of four
// RSA certificates has about 8 KiB.
const MaxToken = 64 << 10

var (
	oidSignedData = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}        // RFC 5652, section 5.1
	oidTSTInfo    = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4} // RFC 3161, section 2.4.2
)

// token is what is checked of a TimeStampResp before its signature is verified.
type token struct {
	info   tstInfo
	signer signerInfo
	certs  []byte // the certificates in the token, one DER after the other
}

// tstInfo is the beginning of a TSTInfo (RFC 3161, section 2.4.2). The rest is
// signed too, but nothing in it is checked here.
type tstInfo struct {
	Version int
	Policy  stdasn1.ObjectIdentifier
	Imprint struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	Serial *big.Int
	Time   time.Time `asn1:"generalized"`
}

func parse(raw []byte) (*token, error) {
	if len(raw) > MaxToken {
		return nil, check.TooLarge("timestamp: bytes", len(raw), MaxToken)
	}
	if err := checkDER(raw); err != nil {
		return nil, err
	}
	signed, err := readResponse(raw)
	if err != nil {
		return nil, err
	}
	return readSignedData(signed)
}

// readResponse takes the SignedData out of a TimeStampResp (RFC 3161, section
// 2.4.2). A timestamp that was granted with modifications is refused, as the
// library does.
func readResponse(raw cryptobyte.String) (cryptobyte.String, error) {
	var response, status, contentInfo, content, signed cryptobyte.String
	var code int
	if !raw.ReadASN1(&response, asn1.SEQUENCE) || !response.ReadASN1(&status, asn1.SEQUENCE) ||
		!status.ReadASN1Integer(&code) {
		return nil, malformed("TimeStampResp", "want a sequence with a PKIStatusInfo")
	}
	if !status.Empty() {
		return nil, malformed("PKIStatusInfo", "want the status alone: nothing signs a text beside it")
	}
	if code != 0 {
		return nil, malformed("PKIStatus", "want 0, granted, found %d", code)
	}
	var contentType stdasn1.ObjectIdentifier
	if !response.ReadASN1(&contentInfo, asn1.SEQUENCE) || !response.Empty() ||
		!contentInfo.ReadASN1ObjectIdentifier(&contentType) ||
		!contentInfo.ReadASN1(&content, explicit(0)) || !contentInfo.Empty() ||
		!content.ReadASN1(&signed, asn1.SEQUENCE) || !content.Empty() {
		return nil, malformed("TimeStampToken", "want a ContentInfo and nothing after it")
	}
	if !contentType.Equal(oidSignedData) {
		return nil, malformed("TimeStampToken", "want SignedData, %s, found %s", oidSignedData, contentType)
	}
	return signed, nil
}

// readSignedData reads RFC 5652, section 5.1, with the restrictions of RFC
// 3161, section 2.4.2: one signer, and a TSTInfo inside.
func readSignedData(in cryptobyte.String) (*token, error) {
	var algorithms, content, info, infoDER, certs, signers cryptobyte.String
	var version int
	var contentType stdasn1.ObjectIdentifier
	if !in.ReadASN1Integer(&version) || !in.ReadASN1(&algorithms, asn1.SET) || !in.ReadASN1(&content, asn1.SEQUENCE) ||
		!in.ReadOptionalASN1(&certs, nil, explicit(0)) ||
		!in.ReadASN1(&signers, asn1.SET) || !in.Empty() {
		return nil, malformed("SignedData", "want version, digests, content, certificates and signers, and nothing "+
			"else: nothing signs a revocation list here")
	}
	if !content.ReadASN1ObjectIdentifier(&contentType) || !contentType.Equal(oidTSTInfo) {
		return nil, malformed("SignedData", "content type: want TSTInfo, %s, found %s", oidTSTInfo, contentType)
	}
	if !content.ReadASN1(&info, explicit(0)) || !content.Empty() || !info.ReadASN1(&infoDER, asn1.OCTET_STRING) ||
		!info.Empty() {
		return nil, malformed("SignedData", "content: want one octet string")
	}
	t := &token{certs: certs}
	if rest, err := stdasn1.Unmarshal(infoDER, &t.info); err != nil || len(rest) > 0 || t.info.Version != 1 {
		return nil, malformed("TSTInfo", "want one of version 1 and nothing after it")
	}
	if err := t.signer.read(signers); err != nil {
		return nil, err
	}
	return t, t.checkEnvelope(version, algorithms)
}

// checkEnvelope leaves no room in what nothing signs: the version is 3, since
// the content is not plain data, and the one digest algorithm is the signer's.
func (t *token) checkEnvelope(version int, algorithms cryptobyte.String) error {
	var algorithm cryptobyte.String
	var oid stdasn1.ObjectIdentifier
	if version != 3 || !algorithms.ReadASN1(&algorithm, asn1.SEQUENCE) || !algorithms.Empty() ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) || !oid.Equal(t.signer.digest) ||
		!algorithm.SkipOptionalASN1(asn1.NULL) || !algorithm.Empty() {
		return malformed("SignedData", "want version 3 and, as the only digest algorithm, that of the signer")
	}
	return nil
}

func explicit(tag uint8) asn1.Tag { return asn1.Tag(tag).ContextSpecific().Constructed() }

var (
	oidContentType          = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}         // RFC 5652, section 11.1
	oidSigningCertificateV2 = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47} // RFC 5035, section 3
)

// signerInfo identifies who signed (RFC 5652, section 5.3).
type signerInfo struct {
	issuer []byte // distinguished name, DER
	serial *big.Int
	digest stdasn1.ObjectIdentifier
	essV2  []byte // SigningCertificateV2 in DER, nil if there is none
}

// read requires exactly one signer, identified by issuer and serial number,
// with signed attributes.
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

// readAttributes requires each attribute once and with one value. The message
// digest is left to the library.
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
			return malformed("SignerInfo", "the signed attribute %s occurs twice", kind)
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
// (RFC 5035, section 4), and its algorithm, which is SHA-256 if none is named.
func (s *signerInfo) certHash() (stdasn1.ObjectIdentifier, []byte, error) {
	in := cryptobyte.String(s.essV2)
	var signing, certs, first, algorithm, digest cryptobyte.String
	var named bool
	oid := oidSHA256
	if !in.ReadASN1(&signing, asn1.SEQUENCE) || !signing.ReadASN1(&certs, asn1.SEQUENCE) ||
		!certs.ReadASN1(&first, asn1.SEQUENCE) ||
		!first.ReadOptionalASN1(&algorithm, &named, asn1.SEQUENCE) ||
		named && !algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!first.ReadASN1(&digest, asn1.OCTET_STRING) {
		return nil, nil, malformed("SigningCertificateV2", "want the digest of the signer's certificate")
	}
	return oid, digest, nil
}

// maxDepth bounds the nesting of a token. Its deepest part in practice, a
// distinguished name, needs less than half of it.
const maxDepth = 48

// checkDER requires one DER value and nothing after it. The libraries used
// later accept BER as well, in which one timestamp can be written in many ways.
func checkDER(token []byte) error {
	in := cryptobyte.String(token)
	if err := walk(&in, 0); err != nil {
		return err
	}
	if !in.Empty() {
		return malformed("TimeStampResp", "want one value, found %d bytes after it", len(in))
	}
	return nil
}

// walk reads one value with everything in it.
func walk(in *cryptobyte.String, depth int) error {
	var value cryptobyte.String
	var tag asn1.Tag
	if !in.ReadAnyASN1(&value, &tag) {
		return malformed("TimeStampResp", "want DER, with definite and shortest lengths")
	}
	const constructed, class = 0x20, 0xc0
	if tag&constructed == 0 {
		return nil
	}
	if tag&class == 0 && tag != asn1.SEQUENCE && tag != asn1.SET {
		return malformed("TimeStampResp", "want DER, in which a string is in one piece")
	}
	if depth == maxDepth {
		return malformed("TimeStampResp", "nests deeper than %d levels", maxDepth)
	}
	for !value.Empty() {
		if err := walk(&value, depth+1); err != nil {
			return err
		}
	}
	return nil
}
