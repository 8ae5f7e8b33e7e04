package dsse

import (
	"crypto"
	"encoding/pem"
	"slices"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// The PEM blocks of private keys that are read. An encrypted one has a password.
var (
	plainBlocks     = []string{"PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"}
	encryptedBlocks = []string{"ENCRYPTED SIGSTORE PRIVATE KEY", "ENCRYPTED COSIGN PRIVATE KEY"}
)

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
		return malformed(keyFile, "this is a %s; signing needs the private key that belongs to it", strings.ToLower(b.Type))
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
