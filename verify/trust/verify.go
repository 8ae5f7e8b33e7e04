package trust

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/sigstore/sigstore/pkg/signature"
)

// Verify answers whether sig is a signature by the key over message, as cosign
// makes it with a plain key: ECDSA over SHA-256 whatever the curve, RSA PKCS #1
// v1.5 over SHA-256, Ed25519 over the message.
//
// The error is an [*EncodingError] for an ECDSA signature in another form than
// DER, and matches [ErrSignature] for one that does not verify. Signatures of
// RSA and Ed25519 have no encoding: one of the wrong length matches
// ErrSignature, since it is most often another key's. The strength of the key
// is not judged; see [Key.CheckStrength].
func (k *Key) Verify(message, sig []byte) error {
	verifier, err := signature.LoadVerifier(k.Public, crypto.SHA256)
	if err != nil {
		return fmt.Errorf("key %s: %w", k.Describe(), err)
	}
	if _, ok := k.Public.(*ecdsa.PublicKey); ok {
		if err := checkDER(sig); err != nil {
			return err
		}
	}
	if err := verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err != nil {
		return fmt.Errorf("%w %s, %s: %w", ErrSignature, k.Fingerprint(), k.Describe(), err)
	}
	return nil
}

// checkDER asks for the one DER encoding of the ASN.1 sequence of r and s, both
// positive. The verifier would take other encodings, and encoding/asn1 ignores
// further elements of a sequence, which is why the parsed value is encoded
// again and compared. Integers beyond the order of the curve are left to the
// verifier: they are well-formed on a larger curve, another key's.
func checkDER(sig []byte) error {
	var parsed struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &parsed); err != nil {
		return &EncodingError{Reason: clip(fmt.Sprintf("want DER: %v", err))}
	}
	again, err := asn1.Marshal(parsed)
	if err != nil || !bytes.Equal(again, sig) {
		return &EncodingError{Reason: "want DER, a sequence of two integers and not a byte more"}
	}
	if parsed.R.Sign() <= 0 || parsed.S.Sign() <= 0 {
		return &EncodingError{Reason: "want two positive integers"}
	}
	return nil
}
