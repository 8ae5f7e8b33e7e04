package trust

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
)

// Budgets for keys.
const (
	MaxKeyFile = 64 << 10 // bytes of a PEM file
	MaxRSABits = 16384    // as in OpenSSL; beyond, one verification takes seconds
)

const keyFile = "public key file"

// ParseKey reads a public key file: exactly one PEM block PUBLIC KEY or RSA
// PUBLIC KEY, with nothing but white space around it. The error matches
// [ErrTooLarge] when a budget is exceeded, is an [*UnsupportedError] for a type
// of key other than ECDSA, RSA and Ed25519, and a [*FormatError] otherwise,
// which names a private key or certificate given by mistake and never repeats
// what is in the file.
func ParseKey(text []byte) (*Key, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	pub, encode, err := parseBlock(block)
	if err != nil {
		return nil, malformed(keyFile, "%s: %v", block.Type, err)
	}
	key, err := NewKey(pub)
	if err != nil {
		return nil, err
	}
	if again, err := encode(pub); err != nil || !bytes.Equal(again, block.Bytes) {
		return nil, malformed(keyFile, "%s: the DER is not canonical; have the key written again by its maker", block.Type)
	}
	return key, nil
}

// onlyBlock returns the single PEM block of text, of a type ParseKey reads.
func onlyBlock(text []byte) (*pem.Block, error) {
	if len(text) > MaxKeyFile {
		return nil, tooLarge(keyFile+": bytes", len(text), MaxKeyFile)
	}
	block, rest := pem.Decode(text)
	if block == nil {
		return nil, malformed(keyFile, "want a PEM block PUBLIC KEY, found none")
	}
	switch block.Type {
	case string(cryptoutils.PublicKeyPEMType), string(cryptoutils.PKCS1PublicKeyPEMType):
	default:
		return nil, malformed(keyFile, "%s", wrongBlock(block.Type))
	}
	if len(block.Headers) > 0 {
		return nil, malformed(keyFile, "want a PEM block without headers")
	}
	// Decode skips what it cannot read, a broken block before a good one too.
	begin := []byte("-----BEGIN ")
	around := !bytes.HasPrefix(bytes.TrimSpace(text), begin) || len(bytes.TrimSpace(rest)) > 0
	if around || bytes.Count(text, begin) > 1 {
		return nil, malformed(keyFile, "want exactly one PEM block and nothing around it, found more")
	}
	return block, nil
}

// wrongBlock says what was given instead of a public key, by the type of the
// block alone.
func wrongBlock(blockType string) string {
	switch {
	case strings.HasPrefix(blockType, "ENCRYPTED ") && strings.HasSuffix(blockType, " PRIVATE KEY"):
		return "this is an encrypted private key; keep it secret and give the public key, which stands beside it as cosign.pub"
	case strings.HasSuffix(blockType, "PRIVATE KEY"):
		return "this is a private key; keep it secret and give the public key that belongs to it"
	case strings.HasSuffix(blockType, "CERTIFICATE"):
		return "this is a certificate; give the public key alone, as openssl x509 -pubkey -noout prints it"
	}
	return "want a PEM block PUBLIC KEY or RSA PUBLIC KEY, found one of another type"
}

func parseBlock(block *pem.Block) (crypto.PublicKey, func(crypto.PublicKey) ([]byte, error), error) {
	if block.Type == string(cryptoutils.PKCS1PublicKeyPEMType) {
		pub, err := x509.ParsePKCS1PublicKey(block.Bytes)
		return pub, func(crypto.PublicKey) ([]byte, error) { return x509.MarshalPKCS1PublicKey(pub), nil }, err
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	return pub, cryptoutils.MarshalPublicKeyToDER, err
}
