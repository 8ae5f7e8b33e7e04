package trust

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"strings"
	"unicode"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
)

// logKeys says which declared keys a kind of log may have, and what key each
// declares.
type logKeys struct {
	details map[common.PublicKeyDetails]string
	want    string
}

var (
	// rekorKeys are those of transparency logs. A Rekor v1 log signs the
	// SHA-256, whatever its curve.
	rekorKeys = logKeys{map[common.PublicKeyDetails]string{
		common.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256: "ECDSA P-256",
		//lint:ignore SA1019 deprecated, and what Rekor v1 does
		common.PublicKeyDetails_PKIX_ECDSA_P384_SHA_256: "ECDSA P-384",
		//lint:ignore SA1019 deprecated, and what Rekor v1 does
		common.PublicKeyDetails_PKIX_ECDSA_P521_SHA_256: "ECDSA P-521",
		common.PublicKeyDetails_PKIX_ED25519:            "Ed25519",
	}, "PKIX_ECDSA_P256_SHA_256, another curve with SHA_256, or PKIX_ED25519"}

	// ctKeys are those of certificate transparency logs (RFC 6962, section
	// 2.1.4), of which RSA is not supported.
	ctKeys = logKeys{map[common.PublicKeyDetails]string{
		common.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256: "ECDSA P-256",
	}, "PKIX_ECDSA_P256_SHA_256"}
)

// logReader turns one log of a trusted root into a Log.
type logReader struct {
	what string
	in   *trustroot.TransparencyLogInstance
	keys logKeys
	v02  bool
}

func (l *logReader) read() (*Log, error) {
	key, err := l.key()
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(l.in.GetBaseUrl(), unicode.IsControl) {
		return nil, malformed(l.what, "baseUrl: want a URL, found control characters in it")
	}
	log := &Log{Key: *key, Operator: l.in.GetOperator(), Source: SourceFile}
	if err := l.identify(log); err != nil {
		return nil, err
	}
	log.From, log.To, err = readWindow(l.what, "publicKey.validFor", l.in.GetPublicKey().GetValidFor())
	return log, err
}

// key reads the log's key. What the entry declares is looked at first, so that
// a key of a kind still unknown is told apart from a broken one.
func (l *logReader) key() (*Key, error) {
	want, err := l.declared()
	if err != nil {
		return nil, err
	}
	pub := l.in.GetPublicKey()
	parsed, err := x509.ParsePKIXPublicKey(pub.GetRawBytes())
	if err != nil {
		return nil, malformed(l.what, "publicKey.rawBytes: want a SubjectPublicKeyInfo: %v", err)
	}
	key, err := NewKey(parsed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.named(), err)
	}
	if !bytes.Equal(key.DER, pub.GetRawBytes()) {
		return nil, malformed(l.what, "publicKey.rawBytes: the DER is not canonical")
	}
	if want != key.Describe() {
		return nil, malformed(l.what, "publicKey.keyDetails says %s, but the key is %s", pub.GetKeyDetails(), key.Describe())
	}
	return key, nil
}

// declared returns the kind of key that the entry declares, as [Key.Describe]
// writes it.
func (l *logReader) declared() (string, error) {
	hash, details := l.in.GetHashAlgorithm(), l.in.GetPublicKey().GetKeyDetails()
	if hash == common.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED {
		return "", malformed(l.what, "hashAlgorithm: want SHA2_256, found none")
	}
	if details == common.PublicKeyDetails_PUBLIC_KEY_DETAILS_UNSPECIFIED {
		return "", malformed(l.what, "publicKey.keyDetails: want %s, found none", l.keys.want)
	}
	if hash != common.HashAlgorithm_SHA2_256 {
		return "", &UnsupportedError{What: l.named() + ": hashAlgorithm", Found: hash.String(), Want: "SHA2_256"}
	}
	want, ok := l.keys.details[details]
	if !ok {
		return "", &UnsupportedError{What: l.named() + ": publicKey.keyDetails", Found: details.String(), Want: l.keys.want}
	}
	return want, nil
}

func (l *logReader) named() string { return named(l.what, l.in.GetBaseUrl()) }
