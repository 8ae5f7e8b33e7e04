package tsa

import (
	"bytes"
	"crypto"
	"crypto/x509"
	stdasn1 "encoding/asn1"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/sigstore/timestamp-authority/v2/pkg/verification"

	"github.com/gapseal/gapseal/verify/trust"
)

// Result is what a timestamp proves: what was stamped existed at Time, on the
// word of Authority.
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

// Verify answers whether raw, a TimeStampResp in DER, is a timestamp over
// signed by one of the authorities. What is stamped is a signature, decoded;
// see the package documentation.
//
// The error matches [ErrTooLarge] beyond [MaxToken] and [ErrSignature] when the
// signature does not verify. It is a [*FormatError] for another form, an
// [*AlgorithmError] for a digest not to rely on, an [*ImprintError] for other
// bytes, an [*AuthorityError] for an unknown authority, a [*SignerError] when
// its certificate is another than the trusted one, a [*trust.WindowError]
// outside the authority's window, a [*ValidityError] outside the validity of a
// certificate, and a [*UsageError] for a certificate not meant for timestamps.
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

// judge asks the questions that have a name each, and then the library, which
// asks all of them in its own way and is the only one to check the signature.
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
