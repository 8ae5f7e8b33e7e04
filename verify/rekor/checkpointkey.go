package rekor

import (
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"

	"golang.org/x/mod/sumdb/note"
)

// CheckpointKey is a log's key, to verify its checkpoints with.
type CheckpointKey struct {
	// Name is the name that the log signs by, or empty if any will do: a log of
	// Rekor v1 signs by a name of its own choice, which its URL does not tell.
	Name   string
	Public crypto.PublicKey // *ecdsa.PublicKey or ed25519.PublicKey
}

// ids returns the key ids that signatures by this key may bear under a name: the
// SHA-256 of the SubjectPublicKeyInfo, which is Rekor v1's for every key and
// C2SP signed-note's for ECDSA, and for Ed25519 that of signed-note as well.
func (k CheckpointKey) ids(name string) [][]byte {
	if k.Name != "" && k.Name != name {
		return nil
	}
	der, err := x509.MarshalPKIXPublicKey(k.Public)
	if err != nil {
		return nil // a curve without a name, so no id
	}
	sum := sha256.Sum256(der)
	ids := [][]byte{sum[:]}
	if key, ok := k.Public.(ed25519.PublicKey); ok {
		sum := sha256.Sum256(append([]byte(name+"\n\x01"), key...))
		ids = append(ids, sum[:])
	}
	return ids
}

// opener gives note.Open the keys of logs. It keeps the ids of those that
// signed, and the first error, as note.Verifier can only say no.
type opener struct {
	logs []CheckpointKey
	ids  [][]byte
	seen map[signer]bool
	err  error
}

// signer is what a signature line says of its key.
type signer struct {
	name string
	hash uint32
}

// Verifier implements [note.Verifiers]. It is asked once for each signature.
func (o *opener) Verifier(name string, hash uint32) (note.Verifier, error) {
	s := signer{name, hash}
	for _, l := range o.logs {
		for _, id := range l.ids(name) {
			if binary.BigEndian.Uint32(id) == hash {
				return o.verifier(s, id, l.Public)
			}
		}
	}
	return nil, &note.UnknownVerifierError{Name: name, KeyHash: hash}
}

// verifier refuses a second signature under one key id: note.Open would pass
// over it, good or bad.
func (o *opener) verifier(s signer, id []byte, key crypto.PublicKey) (note.Verifier, error) {
	if o.seen[s] {
		o.err = malformed("checkpoint: signature", "want one under %s, found another", s.name)
		return nil, o.err
	}
	if o.seen == nil {
		o.seen = map[signer]bool{}
	}
	o.seen[s] = true
	return &logVerifier{signer: s, id: id, key: key, opener: o}, nil
}

// logVerifier is one log's key under one name and key id.
type logVerifier struct {
	signer
	id     []byte
	key    crypto.PublicKey
	opener *opener
}

func (v *logVerifier) Name() string    { return v.name }
func (v *logVerifier) KeyHash() uint32 { return v.hash }

// Verify implements [note.Verifier].
func (v *logVerifier) Verify(msg, sig []byte) bool {
	v.opener.err = role{"checkpoint: signature", ErrCheckpoint}.verify(v.key, msg, sig)
	if v.opener.err != nil {
		return false
	}
	v.opener.ids = append(v.opener.ids, v.id)
	return true
}
