package tsa

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	stdasn1 "encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/verification"

	"github.com/gapseal/gapseal/verify/trust"
)

// Result is what a timestamp proves: what was stamped existed at Time, as
// Authority vouches.
type Result struct {
	Time      time.Time // UTC, to the precision of the token
	Authority *trust.TimestampAuthority
	Index     int // of Authority in the list given to Verify
}

var oidSHA256 = stdasn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}

// digests are the algorithms to rely on (FIPS 180-4).
var digests = map[string]crypto.Hash{
	oidSHA256.String():       crypto.SHA256,
	"2.16.840.1.101.3.4.2.2": crypto.SHA384,
	"2.16.840.1.101.3.4.2.3": crypto.SHA512,
}

// Verify checks that raw, a TimeStampResp in DER, is a timestamp over signed by
// one of the authorities. What is stamped is a decoded signature; see the
// package documentation. The error
//
//   - matches [check.ErrTooLarge] for more than [MaxToken] bytes;
//   - is a [*check.FormatError] for another form;
//   - is an [*AlgorithmError] for a digest that is not reliable;
//   - is an [*ImprintError] for a timestamp over other bytes;
//   - is an [*AuthorityError] for an authority that is not trusted;
//   - is a [*SignerError] if the token names another certificate than the
//     trusted one;
//   - wraps a [*trust.WindowError] outside the authority's window;
//   - is a [*ValidityError] outside the validity of a certificate;
//   - is a [*UsageError] for a certificate that is not for timestamps;
//   - matches [ErrSignature] if the signature does not verify.
func Verify(raw, signed []byte, authorities []trust.TimestampAuthority) (*Result, error) {
	t, err := parse(raw)
	if err != nil {
		return nil, err
	}
	if err := t.checkImprint(signed); err != nil {
		return nil, err
	}
	var first error
	for i := range authorities {
		a := &authorities[i]
		if len(a.Chain) == 0 || !t.names(a.Chain[0]) {
			continue
		}
		err := t.judge(raw, signed, a)
		if err == nil {
			return &Result{Time: t.info.Time.UTC(), Authority: a, Index: i}, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = t.unknown(authorities)
	}
	return nil, first
}

func (t *token) checkImprint(signed []byte) error {
	found := t.info.Imprint.Algorithm.Algorithm
	hash, ok := digests[found.String()]
	if !ok {
		return &AlgorithmError{What: "imprint", Found: algorithmName(found)}
	}
	if want := sum(hash, signed); !bytes.Equal(want, t.info.Imprint.Digest) {
		return &ImprintError{Expected: hex.EncodeToString(want), Found: hex.EncodeToString(t.info.Imprint.Digest)}
	}
	if _, ok := digests[t.signer.digest.String()]; !ok {
		return &AlgorithmError{What: "signer's digest", Found: algorithmName(t.signer.digest)}
	}
	return nil
}

// judge makes the checks that have an error of their own first. The library
// then makes all of them once more in its own way; it alone verifies the
// signature.
func (t *token) judge(raw, signed []byte, a *trust.TimestampAuthority) error {
	if err := t.checkCarried(a.Chain); err != nil {
		return err
	}
	if err := t.checkSigner(a.Chain[0]); err != nil {
		return err
	}
	if err := a.CheckWindow(t.info.Time); err != nil {
		return fmt.Errorf("timestamp authority %q: %w", a.Name, err)
	}
	if err := checkChain(a, t.info.Time); err != nil {
		return err
	}
	_, err := verification.VerifyTimestampResponse(raw, bytes.NewReader(signed), verification.VerifyOpts{
		TSACertificate: a.Chain[0],
		Intermediates:  a.Chain[1:],
		Roots:          []*x509.Certificate{a.Anchor()},
		CurrentTime:    t.info.Time,
	})
	if err != nil {
		return fmt.Errorf("%w %q: %w", ErrSignature, a.Name, err)
	}
	return nil
}

func (t *token) unknown(authorities []trust.TimestampAuthority) error {
	e := &AuthorityError{Issuer: nameOf(t.signer.issuer), Serial: t.signer.serial.Text(16)}
	for _, a := range authorities {
		e.Trusted = append(e.Trusted, a.Name)
	}
	return e
}

func sum(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}

var oidExtKeyUsage = stdasn1.ObjectIdentifier{2, 5, 29, 37} // RFC 5280, section 4.2.1.12

// checkChain checks that each certificate was valid at the time, including the
// anchor, and that the first may sign timestamps.
func checkChain(a *trust.TimestampAuthority, at time.Time) error {
	for _, cert := range a.Chain {
		if at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
			return &ValidityError{Certificate: cert.Subject.String(), NotBefore: cert.NotBefore,
				NotAfter: cert.NotAfter, At: at}
		}
	}
	leaf := a.Chain[0]
	if reason := misuse(leaf); reason != "" {
		return &UsageError{Certificate: leaf.Subject.String(), Reason: reason}
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Anchor())
	for _, cert := range a.Chain[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		return &UsageError{Certificate: leaf.Subject.String(), Reason: err.Error()}
	}
	return nil
}

// misuse compares the signer's certificate with RFC 3161, section 2.3: one
// extended key usage, which is time stamping and critical. It returns what is
// wrong, or an empty string.
func misuse(leaf *x509.Certificate) string {
	if leaf.IsCA {
		return "want a certificate that signs, found one that issues others"
	}
	only := len(leaf.ExtKeyUsage) == 1 && len(leaf.UnknownExtKeyUsage) == 0
	if !only || leaf.ExtKeyUsage[0] != x509.ExtKeyUsageTimeStamping {
		return "want the extended key usage time stamping, and no other"
	}
	for _, extension := range leaf.Extensions {
		if extension.Id.Equal(oidExtKeyUsage) && extension.Critical {
			return ""
		}
	}
	return "want the extended key usage to be critical"
}

// nameOf writes a distinguished name as RFC 2253 does, or its DER in hex if it
// cannot be read.
func nameOf(der []byte) string {
	var name pkix.RDNSequence
	if _, err := stdasn1.Unmarshal(der, &name); err != nil {
		return hex.EncodeToString(der)
	}
	return name.String()
}

func algorithmName(oid stdasn1.ObjectIdentifier) string {
	switch oid.String() {
	case "1.3.14.3.2.26":
		return "SHA-1"
	case "1.2.840.113549.2.5":
		return "MD5"
	}
	return oid.String()
}

// names reports whether the token names cert as its signer.
func (t *token) names(cert *x509.Certificate) bool {
	return bytes.Equal(cert.RawIssuer, t.signer.issuer) && cert.SerialNumber.Cmp(t.signer.serial) == 0
}

// checkCarried compares the certificates in the token, which nothing signs,
// with the trusted chain. Others are refused.
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
			return malformed("SignedData", "certificates: want those of the trusted chain, each once, found %q",
				cert.Subject)
		}
	}
	return nil
}

// checkSigner compares the digest of its certificate that the signer signed
// with the trusted certificate.
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

// Distinct returns the results that count when several timestamps are required:
// the first of each authority. Two authorities are the same if they share the
// operator (which sigstore/protobuf-specs defines for this purpose), the URI,
// the key that signs, or the key of the trust anchor.
func Distinct(results []*Result) []*Result {
	seen := map[string]bool{}
	var distinct []*Result
	for _, r := range results {
		known := false
		for _, mark := range r.marks() {
			known = known || seen[mark]
			seen[mark] = true
		}
		if !known {
			distinct = append(distinct, r)
		}
	}
	return distinct
}

// marks returns what identifies the authority, each with a prefix of its own.
func (r *Result) marks() []string {
	a := r.Authority
	key := func(spki []byte) string { return "key " + hex.EncodeToString(sum(crypto.SHA256, spki)) }
	marks := []string{key(a.Chain[0].RawSubjectPublicKeyInfo), key(a.Anchor().RawSubjectPublicKeyInfo)}
	if a.Operator != "" {
		marks = append(marks, "operator "+a.Operator)
	}
	if a.URI != "" {
		marks = append(marks, "uri "+a.URI)
	}
	return marks
}
