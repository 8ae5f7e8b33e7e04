package dsse

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

// MaxKeyFile is the budget for a private key file, in bytes.
const MaxKeyFile = 64 << 10

const keyFile = "private key file"

// ErrPassword reports that the password does not decrypt a private key.
var ErrPassword = errors.New("the password does not decrypt the private key")

// Signer is a private key to sign with. Make one with [NewSigner] or
// [LoadSigner].
type Signer struct {
	private crypto.Signer
	public  *trust.Key
}

// NewSigner returns a Signer for a private key of the caller's: ECDSA, RSA or
// Ed25519, in memory or behind a hardware module. It signs as
// [trust.Key.Verify] expects: ECDSA and RSA PKCS #1 v1.5 the SHA-256 of the
// message, Ed25519 the message itself. The error is a [*trust.WeakKeyError] for
// a key that is too weak to rely on, and a [*trust.UnsupportedError] for a key
// of another type.
func NewSigner(private crypto.Signer) (*Signer, error) {
	if v := reflect.ValueOf(private); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, unsupported(private)
	}
	public, err := trust.NewKey(private.Public())
	if err != nil {
		return nil, err
	}
	if err := public.CheckStrength(); err != nil {
		return nil, err
	}
	return &Signer{private, public}, nil
}

// LoadSigner reads a private key file: one PEM block with PKCS #8, SEC 1 (EC) or
// PKCS #1 (RSA), or a key that cosign encrypted. It calls password for an
// encrypted key only; password may be nil if there is none, and its error is
// returned unchanged. The error matches [check.ErrTooLarge] for a file over
// [MaxKeyFile] and [ErrPassword] for a wrong password, is that of [NewSigner]
// for a key that cannot be used, and otherwise a [*check.FormatError], which
// never repeats what the file holds.
func LoadSigner(text []byte, password func() ([]byte, error)) (*Signer, error) {
	if len(text) > MaxKeyFile {
		return nil, check.TooLarge(keyFile+": bytes", len(text), MaxKeyFile)
	}
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	key, err := parseBlock(block, password)
	if err != nil {
		return nil, err
	}
	private, ok := key.(crypto.Signer)
	if !ok {
		return nil, unsupported(key)
	}
	return NewSigner(private)
}

func unsupported(key any) error {
	return &trust.UnsupportedError{What: "key type", Found: fmt.Sprintf("%T", key), Want: "ECDSA, RSA or Ed25519"}
}

// Public returns the key that the signer's signatures verify under. It is the
// same each time and must not be changed.
func (s *Signer) Public() *trust.Key { return s.public }

func (s *Signer) sign(message []byte) ([]byte, error) {
	if _, ok := s.public.Public.(ed25519.PublicKey); ok {
		return s.private.Sign(rand.Reader, message, crypto.Hash(0))
	}
	h := crypto.SHA256.New()
	h.Write(message)
	return s.private.Sign(rand.Reader, h.Sum(nil), crypto.SHA256)
}

// The PEM blocks of private keys that are read. An encrypted one has a password.
var (
	plainBlocks     = []string{"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"}
	encryptedBlocks = []string{"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"}
)

// onlyBlock returns the private key of text. OpenSSL writes the parameters of an
// EC key in a block of their own before it.
func onlyBlock(text []byte) (*pem.Block, error) {
	blocks, _ := strict.PEM(text) // an unreadable block beside the key does no harm
	var found *pem.Block
	for _, block := range blocks {
		switch {
		case block.Type == "EC PARAMETERS" && found == nil:
		case found != nil:
			return nil, check.Malformed(keyFile, "want exactly one private key, found more")
		default:
			found = block
		}
	}
	if found == nil {
		return nil, check.Malformed(keyFile, "want a PEM block PRIVATE KEY, found none")
	}
	return found, checkBlock(found)
}

func checkBlock(b *pem.Block) error {
	switch {
	case strings.HasSuffix(b.Type, "PUBLIC KEY"), strings.HasSuffix(b.Type, "CERTIFICATE"):
		return check.Malformed(keyFile, "this is a %s; signing needs the private key that belongs to it",
			strings.ToLower(b.Type))
	case b.Type == "ENCRYPTED PRIVATE KEY", b.Headers["DEK-Info"] != "":
		return check.Malformed(keyFile, "the key is encrypted in a way that is not supported; "+
			"have cosign encrypt it, with cosign import-key-pair")
	case !slices.Contains(plainBlocks, b.Type) && !slices.Contains(encryptedBlocks, b.Type):
		return check.Malformed(keyFile, "want a PEM block %s or %s, found another type",
			strings.Join(plainBlocks, ", "), strings.Join(encryptedBlocks, ", "))
	case len(b.Headers) > 0:
		return check.Malformed(keyFile, "want a PEM block without headers")
	}
	return nil
}

func parseBlock(b *pem.Block, password func() ([]byte, error)) (crypto.PrivateKey, error) {
	if !slices.Contains(encryptedBlocks, b.Type) {
		key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(b), nil)
		if err != nil {
			return nil, check.Malformed(keyFile, "%s: %v", b.Type, err)
		}
		return key, nil
	}
	if password == nil {
		return nil, check.Malformed(keyFile, "the key is encrypted and there is no password")
	}
	pass, err := password()
	if err != nil {
		return nil, err
	}
	// The library skips the decryption if the password is nil, so an empty
	// password must not become nil.
	pass = append(make([]byte, 0, len(pass)), pass...)
	key, err := cryptoutils.UnmarshalPEMToPrivateKey(pem.EncodeToMemory(b), cryptoutils.StaticPasswordFunc(pass))
	switch {
	case err == nil:
		return key, nil
	case strings.Contains(err.Error(), "decryption failed"):
		return nil, ErrPassword
	}
	return nil, check.Malformed(keyFile, "%s: %v", b.Type, err)
}
