package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Where a log key came from, as a report writes it.
const (
	SourceBuiltin = "built-in"
	SourceFile    = "file"
)

// Log is a transparency log that is trusted.
type Log struct {
	ID       string    // lower-case hex; see the package documentation
	Name     string    // the log's host name, or empty when a bare key was given
	Operator string    // who runs it, as the trusted root says; mostly empty
	Key      Key       // ECDSA or Ed25519
	From, To time.Time // validity of the key, both ends included; zero is open
	Source   string    // SourceBuiltin or SourceFile
	Path     string    // the file; set by the caller
}

// builtinLogs are Sigstore's public-good logs, with the windows that Sigstore's
// own trusted root gives them. The id of the second is a checkpoint key id.
var builtinLogs = []struct{ name, id, from, pem string }{{
	name: "rekor.sigstore.dev",
	id:   "c0d23d6ad406973f9559f3ba2d1ca01f84147d8ffc5b8445c224f98b9591801d",
	from: "2021-01-12T11:53:27Z",
	pem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE2G2Y+2tabdTV5BcGiBIx0a9fAFwr
kBbmLSGtks4L3qX6yYY0zufBnhC8Ur/iy55GhWP/9A/bY2LhC30M9+RYtw==
-----END PUBLIC KEY-----
`}, {
	name: "log2025-1.rekor.sigstore.dev",
	id:   "cf1199155bddd051268d1f16ac5c0c75c009f6fb5a63f4177f8e18d7051e3fa0",
	from: "2025-09-23T00:00:00Z",
	pem: `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAt8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=
-----END PUBLIC KEY-----
`}}

// BuiltinLogs returns Sigstore's public-good logs. They are compiled in, so
// that a host without a network can check their entries. Each call returns new
// values.
func BuiltinLogs() []Log {
	logs := make([]Log, 0, len(builtinLogs))
	for _, b := range builtinLogs {
		logs = append(logs, Log{ID: b.id, Name: b.name, Key: mustKey(b.pem), From: mustTime(b.from),
			Source: SourceBuiltin})
	}
	return logs
}

// mustKey and mustTime read constants of this package only.
func mustKey(text string) Key {
	key, err := ParseKey([]byte(text))
	if err != nil {
		panic(err)
	}
	return *key
}

func mustTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t
}

// ParseLogKey reads the public key file of a log, as [ParseKey] does, and
// returns the log with the id of Rekor v1 and an open window, because a bare
// key gives neither its log's name nor its validity. The error is an
// [*UnsupportedError] for an RSA key, and that of ParseKey otherwise.
func ParseLogKey(text []byte) (*Log, error) {
	key, err := ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("log key: %w", err)
	}
	if err := checkLogKey(key); err != nil {
		return nil, err
	}
	return &Log{ID: key.hexDigest(), Key: *key, Source: SourceFile}, nil
}

func checkLogKey(key *Key) error {
	switch key.Public.(type) {
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return nil
	}
	return &UnsupportedError{What: "log key", Found: key.Describe(), Want: "ECDSA or Ed25519"}
}

// CheckWindow checks that the log's key was valid at t. Both ends of the window
// belong to it. If not, the error is a [*WindowError].
func (l *Log) CheckWindow(t time.Time) error { return checkWindow(l.From, l.To, t) }

// checkpointKeyID returns the untruncated key id of an Ed25519 key in a signed
// note, as C2SP signed-note defines it.
func checkpointKeyID(name string, key ed25519.PublicKey) string {
	sum := sha256.Sum256(append([]byte(name+"\n\x01"), key...))
	return hex.EncodeToString(sum[:])
}
