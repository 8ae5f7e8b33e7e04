package dsse

import (
	"crypto"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/gapseal/gapseal/verify/trust"
)

// MaxKeyFile is the budget for a private key file, in bytes.
const MaxKeyFile = 64 << 10

const keyFile = "private key file"

// The PEM blocks of private keys that are read. An encrypted one has a password.
var (
	plainBlocks     = []string{"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"}
	encryptedBlocks = []string{"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"}
)

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

// onlyBlock returns the private key of text. OpenSSL writes the parameters of an
// EC key in a block of their own before it.
func onlyBlock(text []byte) (*pem.Block, error) {
	var found *pem.Block
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		switch {
		case block.Type == "EC PARAMETERS" && found == nil:
		case found != nil:
			return nil, malformed(keyFile, "want exactly one private key, found more")
		default:
			found = block
		}
	}
	if found == nil {
		return nil, malformed(keyFile, "want a PEM block PRIVATE KEY, found none")
	}
	return found, checkBlock(found)
}

func checkBlock(b *pem.Block) error {
	switch {
	case strings.HasSuffix(b.Type, "PUBLIC KEY"), strings.HasSuffix(b.Type, "CERTIFICATE"):
		return malformed(keyFile, "this is a %s; to sign takes the private key that belongs to it", strings.ToLower(b.Type))
	case b.Type == "ENCRYPTED PRIVATE KEY", b.Headers["DEK-Info"] != "":
		return malformed(keyFile, "the key is encrypted in a way that is not supported; have cosign encrypt it: cosign import-key-pair --key FILE")
	case !slices.Contains(plainBlocks, b.Type) && !slices.Contains(encryptedBlocks, b.Type):
		return malformed(keyFile, "want a PEM block %s or %s, found another type", strings.Join(plainBlocks, ", "), strings.Join(encryptedBlocks, ", "))
	case len(b.Headers) > 0:
		return malformed(keyFile, "want a PEM block without headers")
	}
	return nil
}

func parseBlock(b *pem.Block, password func() ([]byte, error)) (crypto.PrivateKey, error) {
	if !slices.Contains(encryptedBlocks, b.Type) {
		key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(b), nil)
		if err != nil {
			return nil, malformed(keyFile, "%s: %v", b.Type, err)
		}
		return key, nil
	}
	if password == nil {
		return nil, malformed(keyFile, "the key is encrypted and there is no password")
	}
	pass, err := password()
	if err != nil {
		return nil, err
	}
	// An empty password is one all the same; a nil one would skip the decryption.
	pass = append(make([]byte, 0, len(pass)), pass...)
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(b), cryptoutils.StaticPasswordFunc(pass))
	switch {
	case err == nil:
		return key, nil
	case strings.Contains(err.Error(), "decryption failed"):
		return nil, ErrPassword
	}
	return nil, malformed(keyFile, "%s: %v", b.Type, err)
}
