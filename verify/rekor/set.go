package rekor

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
)

// role is what a signature is for, and the error if it does not verify.
type role struct {
	name string
	err  error
}

var roleSET = role{"SignedEntryTimestamp", ErrSET}

// VerifySET answers whether the log signed the entry in b: whether b.SET is a
// signature by logKey over [Bundle.Canonical]. logKey is *ecdsa.PublicKey, of
// any curve and with SHA-256, or ed25519.PublicKey, well-formed as crypto/x509
// parses it; the error is [ErrLogKey] for any other. A SET in another than its
// canonical encoding is a [*FormatError], one that does not verify is
// [ErrSET]. Which log the key belongs to, and when it was valid, is for the
// caller to ask.
func VerifySET(b *Bundle, logKey crypto.PublicKey) error {
	return roleSET.verify(logKey, b.Canonical(), b.SET)
}

func (r role) verify(logKey crypto.PublicKey, message, sig []byte) error {
	if err := checkLogKey(logKey); err != nil {
		return err
	}
	if key, ok := logKey.(*ecdsa.PublicKey); ok {
		return r.verifyECDSA(key, message, sig)
	}
	return r.verifyEd25519(logKey.(ed25519.PublicKey), message, sig)
}

func checkLogKey(logKey crypto.PublicKey) error {
	switch key := logKey.(type) {
	case *ecdsa.PublicKey:
		if key != nil && key.Curve != nil {
			return nil
		}
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return nil
		}
	}
	return ErrLogKey
}

func (r role) verifyECDSA(key *ecdsa.PublicKey, message, sig []byte) error {
	if err := r.checkDER(sig, key.Params().N); err != nil {
		return err
	}
	sum := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(key, sum[:], sig) {
		return r.err
	}
	return nil
}

func (r role) verifyEd25519(key ed25519.PublicKey, message, sig []byte) error {
	if len(sig) != ed25519.SignatureSize {
		return malformed(r.name, "want an Ed25519 signature of %d bytes, found %d", ed25519.SignatureSize, len(sig))
	}
	if !ed25519.Verify(key, message, sig) {
		return r.err
	}
	return nil
}

// checkDER asks for the one DER encoding of the ASN.1 sequence of r and s,
// both from 1 to n-1. encoding/asn1 ignores further elements of a sequence,
// which is why the parsed value is encoded again and compared.
func (r role) checkDER(sig []byte, n *big.Int) error {
	var parsed struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &parsed); err != nil {
		return malformed(r.name, "want an ECDSA signature in DER: %v", err)
	}
	again, err := asn1.Marshal(parsed)
	if err != nil || !bytes.Equal(again, sig) {
		return malformed(r.name, "want an ECDSA signature in DER, two integers and not a byte more")
	}
	for _, x := range []*big.Int{parsed.R, parsed.S} {
		if x.Sign() <= 0 || x.Cmp(n) >= 0 {
			return malformed(r.name, "want both integers of the signature from 1 to the order of the curve less one")
		}
	}
	return nil
}
