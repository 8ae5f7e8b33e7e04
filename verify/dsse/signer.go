package dsse

import (
	"crypto"
	"fmt"

	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/gapseal/gapseal/verify/trust"
)

// MaxKeyFile is the budget for a private key file, in bytes.
const MaxKeyFile = 64 << 10

const keyFile = "private key file"

// Signer is a private key to sign with.
type Signer struct {
	signer signature.Signer
	public *trust.Key
}

// LoadSigner reads a private key file: one PEM block with PKCS #8, SEC 1 (EC) or
// PKCS #1 (RSA), or a key that cosign encrypted. password is asked only for the
// latter and may be nil if there is none to be had; its error is returned as it
// is. The error matches [ErrTooLarge] for a file over [MaxKeyFile] and
// [ErrPassword] for a wrong password, is a [*trust.WeakKeyError] for a key that
// nobody should trust, a [*trust.UnsupportedError] for one that is neither
// ECDSA, RSA nor Ed25519, and a [*FormatError] otherwise.
func LoadSigner(text []byte, password func() ([]byte, error)) (*Signer, error) {
	if len(text) > MaxKeyFile {
		return nil, tooLarge(keyFile, len(text), MaxKeyFile)
	}
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	key, err := parseBlock(block, password)
	if err != nil {
		return nil, err
	}
	return newSigner(key)
}

func newSigner(key crypto.PrivateKey) (*Signer, error) {
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, &trust.UnsupportedError{What: "key type", Found: fmt.Sprintf("%T", key), Want: "ECDSA, RSA or Ed25519"}
	}
	public, err := trust.NewKey(private.Public())
	if err != nil {
		return nil, err
	}
	if err := public.CheckStrength(); err != nil {
		return nil, err
	}
	signer, err := signature.LoadSigner(private, crypto.SHA256) // as trust.Key.Verify expects
	if err != nil {
		return nil, malformed(keyFile, "%v", err)
	}
	return &Signer{signer, public}, nil
}

// Public returns the key that belongs to the signer. It is the same each time
// and must not be changed.
func (s *Signer) Public() *trust.Key { return s.public }
