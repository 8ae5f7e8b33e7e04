package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
)

// newECKey makes a P-256 key.
func newECKey() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// newEdKey makes an Ed25519 key.
func newEdKey() (crypto.Signer, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return key, err
}

// makeLogKey makes a key pair and writes it to two PEM files.
func makeLogKey(newKey func() (crypto.Signer, error), privateFile, publicFile string) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	return errors.Join(writePrivate(privateFile, key), writePublic(publicFile, key.Public()))
}

// makeLockedLogKey makes a P-256 key pair, and encrypts the private key in the only
// format that ct_server reads.
func makeLockedLogKey(privateFile, publicFile, password string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	//lint:ignore SA1019 ct_server requires a password, and supports no other format
	block, err := x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", der, []byte(password), x509.PEMCipherAES256)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(privateFile, pem.EncodeToMemory(block), 0o600),
		writePublic(publicFile, key.Public()),
	)
}

func writePrivate(file string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
}

func writePublic(file string, key crypto.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
}
