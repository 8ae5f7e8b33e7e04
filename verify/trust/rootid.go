package trust

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"encoding/hex"
	"net/url"
	"strings"
)

// identify sets the log's id and name. The ids in the file are recomputed from
// the key, never taken on trust.
func (l *logReader) identify(log *Log) error {
	logID, keyID := l.in.GetLogId().GetKeyId(), l.in.GetCheckpointKeyId().GetKeyId()
	if len(keyID) > 0 && !l.v02 {
		return malformed(l.what, "checkpointKeyId: want none before version 0.2")
	}
	if len(logID) == 0 && len(keyID) == 0 {
		return malformed(l.what, "logId: want the id of the log, found none")
	}
	for _, c := range l.candidates(&log.Key) {
		if !c.matches(logID, c.checkpoint) || !c.matches(keyID, true) {
			continue
		}
		log.ID, log.Name = c.id, c.name
		return nil
	}
	if _, ok := log.Key.Public.(*ecdsa.PublicKey); ok {
		return malformed(l.what, "logId: want %s, the SHA-256 of the key's DER, found %x", log.Key.hexDigest(), logID)
	}
	return malformed(l.what, "logId %x: neither the SHA-256 of the key's DER, %s, nor the key id of a checkpoint signed by %q",
		logID, log.Key.hexDigest(), l.in.GetBaseUrl())
}

// identity is an id that a key could go by, and the log's name under it.
type identity struct {
	id, name   string
	checkpoint bool // a checkpoint key id
}

// matches compares an id in the file. An absent one matches: identify has seen
// to it that one of the two is there. A checkpoint bears only the first four
// bytes of a key id, and a file may do the same.
func (c identity) matches(found []byte, short bool) bool {
	digits := hex.EncodeToString(found)
	return digits == "" || digits == c.id || short && digits == c.id[:8]
}

// candidates lists the ids that the key could go by: the SHA-256 of its DER
// and, for Ed25519, the checkpoint key id under each name its base URL gives.
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

// names returns the origins that checkpoints of the log may bear: the host
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
