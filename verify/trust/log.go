package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Where a root or the key of a log came from, as a report writes it.
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
