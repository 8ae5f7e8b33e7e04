package tsa

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/hex"
	"slices"
)

// names tells whether the token says that cert signed it.
func (t *token) names(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, t.signer.issuer) && cert.SerialNumber.Cmp(t.signer.serial) == 0
}

// checkCarried holds the certificates that came along, which nothing signs,
// against the trusted chain: there is no room for others.
func (t *token) checkCarried(chain []*x509.Certificate) error {
	certs, err := x509.ParseCertificates(t.certs)
	if err != nil {
		return malformed("SignedData", "certificates: %v", err)
	}
	for i, cert := range certs {
		switch {
		case t.names(cert) && !cert.Equal(chain[0]):
			return &SignerError{Expected: certDigest(chain[0]), Found: certDigest(cert)}
		case !slices.ContainsFunc(chain, cert.Equal) || slices.ContainsFunc(certs[:i], cert.Equal):
			return malformed("SignedData", "certificates: want those of the trusted chain, each once, found %q", cert.Subject)
		}
	}
	return nil
}

// checkSigner holds the digest of its certificate that the signer signed against
// the trusted certificate.
func (t *token) checkSigner(leaf *x509.Certificate) error {
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
