package tsa

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
)

// names tells whether the token says that cert signed it.
func (t *token) names(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, t.signer.issuer) && cert.SerialNumber.Cmp(t.signer.serial) == 0
}

// checkSigner holds the certificates that came along, and the digest of its
// certificate that the signer signed, against the trusted certificate.
func (t *token) checkSigner(leaf *x509.Certificate) error {
	certs, err := x509.ParseCertificates(t.certs)
	if err != nil {
		return malformed("SignedData", "certificates: %v", err)
	}
	for _, cert := range certs {
		if t.names(cert) && !cert.Equal(leaf) {
			return &SignerError{Expected: certDigest(leaf), Found: certDigest(cert)}
		}
	}
	if t.signer.essV2 == nil {
		return nil
	}
	oid, digest, err := t.signer.certHash()
	if err != nil {
		return err
	}
	hash, ok := digests[oid.String()]
	if !ok {
		return &AlgorithmError{What: "signing certificate's digest", Found: algorithmName(oid)}
	}
	if !bytes.Equal(sum(hash, leaf.Raw), digest) {
		return &SignerError{Expected: certDigest(leaf), Found: "the digest " + hex.EncodeToString(digest)}
	}
	return nil
}

func certDigest(cert *x509.Certificate) string {
	return "sha256:" + hex.EncodeToString(sum(crypto.SHA256, cert.Raw))
}
