package tsa

import (
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// MaxToken is the budget for a token, in bytes. A token with a chain of four
// RSA certificates has about 8 KiB.
const MaxToken = 64 << 10

var (
	oidSignedData = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}        // RFC 5652, section 5.1
	oidTSTInfo    = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4} // RFC 3161, section 2.4.2
)

// token is what is asked of a TimeStampResp before its signature is.
type token struct {
	info   tstInfo
	signer signerInfo
	certs  []byte // the certificates that came along, DER after DER
}

// tstInfo is the beginning of a TSTInfo (RFC 3161, section 2.4.2). The rest is
// signed too and says nothing that is asked here.
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
		return nil, fmt.Errorf("timestamp: %d bytes exceed the budget of %d: %w", len(raw), MaxToken, ErrTooLarge)
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
// 2.4.2). A stamp granted with modifications is refused, as the library does.
func readResponse(raw cryptobyte.String) (cryptobyte.String, error) {
	var response, status, contentInfo, content, signed cryptobyte.String
	var code int
	if !raw.ReadASN1(&response, asn1.SEQUENCE) || !response.ReadASN1(&status, asn1.SEQUENCE) || !status.ReadASN1Integer(&code) {
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
		return nil, malformed("SignedData", "want version, digests, content, certificates and signers, and nothing else: nothing signs a revocation list here")
	}
	if !content.ReadASN1ObjectIdentifier(&contentType) || !contentType.Equal(oidTSTInfo) {
		return nil, malformed("SignedData", "content type: want TSTInfo, %s, found %s", oidTSTInfo, contentType)
	}
	if !content.ReadASN1(&info, explicit(0)) || !content.Empty() || !info.ReadASN1(&infoDER, asn1.OCTET_STRING) || !info.Empty() {
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

// checkEnvelope leaves no room in what nothing signs: version 3, since the
// content is no plain data, and as the one digest algorithm the signer's.
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
