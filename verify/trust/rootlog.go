package trust

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"unicode"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	trustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"

	"github.com/gapseal/gapseal/verify/check"
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
	// 2.1.4). RSA is not supported.
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
		return nil, check.Malformed(l.what, "baseUrl: want a URL, found control characters in it")
	}
	log := &Log{Key: *key, Operator: l.in.GetOperator(), Source: SourceFile}
	if err := l.identify(log); err != nil {
		return nil, err
	}
	log.From, log.To, err = readWindow(l.what, "publicKey.validFor", l.in.GetPublicKey().GetValidFor())
	return log, err
}

// key reads the log's key. It looks at what the entry declares first, so that a
// key of an unknown kind is not reported as a broken one.
func (l *logReader) key() (*Key, error) {
	want, err := l.declared()
	if err != nil {
		return nil, err
	}
	pub := l.in.GetPublicKey()
	parsed, err := x509.ParsePKIXPublicKey(pub.GetRawBytes())
	if err != nil {
		return nil, check.Malformed(l.what, "publicKey.rawBytes: want a SubjectPublicKeyInfo: %v", err)
	}
	key, err := NewKey(parsed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.named(), err)
	}
	if !bytes.Equal(key.DER, pub.GetRawBytes()) {
		return nil, check.Malformed(l.what, "publicKey.rawBytes: the DER is not canonical")
	}
	if want != key.Describe() {
		return nil, check.Malformed(l.what, "publicKey.keyDetails says %s, but the key is %s", pub.GetKeyDetails(),
			key.Describe())
	}
	return key, nil
}

// declared returns the kind of key that the entry declares, as [Key.Describe]
// writes it.
func (l *logReader) declared() (string, error) {
	hash, details := l.in.GetHashAlgorithm(), l.in.GetPublicKey().GetKeyDetails()
	if hash == common.HashAlgorithm_HASH_ALGORITHM_UNSPECIFIED {
		return "", check.Malformed(l.what, "hashAlgorithm: want SHA2_256, found none")
	}
	if details == common.PublicKeyDetails_PUBLIC_KEY_DETAILS_UNSPECIFIED {
		return "", check.Malformed(l.what, "publicKey.keyDetails: want %s, found none", l.keys.want)
	}
	if hash != common.HashAlgorithm_SHA2_256 {
		return "", &UnsupportedError{What: l.named() + ": hashAlgorithm", Found: hash.String(), Want: "SHA2_256"}
	}
	want, ok := l.keys.details[details]
	if !ok {
		return "", &UnsupportedError{What: l.named() + ": publicKey.keyDetails", Found: details.String(),
			Want: l.keys.want}
	}
	return want, nil
}

func (l *logReader) named() string { return named(l.what, l.in.GetBaseUrl()) }

// identify sets the log's id and name. The ids in the file are compared with
// those computed from the key and never taken as they are.
func (l *logReader) identify(log *Log) error {
	logID, keyID := l.in.GetLogId().GetKeyId(), l.in.GetCheckpointKeyId().GetKeyId()
	if len(keyID) > 0 && !l.v02 {
		return check.Malformed(l.what, "checkpointKeyId: want none before version 0.2")
	}
	if len(logID) == 0 && len(keyID) == 0 {
		return check.Malformed(l.what, "logId: want the id of the log, found none")
	}
	for _, c := range l.candidates(&log.Key) {
		if !c.matches(logID, c.checkpoint) || !c.matches(keyID, true) {
			continue
		}
		log.ID, log.Name = c.id, c.name
		return nil
	}
	if _, ok := log.Key.Public.(*ecdsa.PublicKey); ok {
		return check.Malformed(l.what, "logId: want %s, the SHA-256 of the key's DER, found %x", log.Key.hexDigest(),
			logID)
	}
	return check.Malformed(l.what, "logId %x: neither the SHA-256 of the key's DER, %s, nor the key id of a "+
		"checkpoint signed by %q",
		logID, log.Key.hexDigest(), l.in.GetBaseUrl())
}

// identity is an id that a key could have, and the log's name under it.
type identity struct {
	id, name   string
	checkpoint bool // a checkpoint key id
}

// matches compares an id in the file. An absent one matches, because identify
// has made sure that one of the two is there. A checkpoint has only the first
// four bytes of a key id, and so may a file.
func (c identity) matches(found []byte, short bool) bool {
	digits := hex.EncodeToString(found)
	return digits == "" || digits == c.id || short && digits == c.id[:8]
}

// candidates lists the ids that the key could have: the SHA-256 of its DER and,
// for Ed25519, the checkpoint key id under each name that its base URL gives.
func (l *logReader) candidates(key *Key) []identity {
	names := l.names()
	ids := []identity{{id: key.hexDigest(), name: names[0]}}
	if pub, ok := key.Public.(ed25519.PublicKey); ok {
		for _, name := range names {
			ids = append(ids, identity{id: checkpointKeyID(name, pub), name: name, checkpoint: true})
		}
	}
	return ids
}

// names returns the origins that the log's checkpoints may have: the host
// first, then with port, then with path. The base URL may lack its scheme.
func (l *logReader) names() []string {
	_, bare, found := strings.Cut(l.in.GetBaseUrl(), "://")
	if !found {
		bare = l.in.GetBaseUrl()
	}
	u, err := url.Parse("//" + bare)
	if err != nil {
		return []string{bare}
	}
	return []string{u.Hostname(), u.Host, strings.TrimRight(bare, "/")}
}
