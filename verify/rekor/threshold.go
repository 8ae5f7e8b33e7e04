package rekor

import (
	"bytes"
	"crypto/sha256"
)

// MaxEntries is the budget for the log entries of one signature.
const MaxEntries = 32

// CheckEntries answers whether the log entries of one signature are each there
// once: no two of one log have the same index or the same body. Two logs may
// well hold the same body. The error matches [ErrTooLarge] when there are more
// than [MaxEntries], and is a [*DuplicateError] otherwise.
func CheckEntries(entries []*LogEntry) error {
	if len(entries) > MaxEntries {
		return tooLarge("log entries", len(entries), MaxEntries)
	}
	for j, b := range entries {
		for i, a := range entries[:j] {
			if !bytes.Equal(a.LogID, b.LogID) {
				continue
			}
			if a.LogIndex == b.LogIndex {
				return &DuplicateError{What: "log index", First: i, Second: j}
			}
			if bytes.Equal(a.Body, b.Body) {
				return &DuplicateError{What: "body", First: i, Second: j}
			}
		}
	}
	return nil
}

// CountLogs counts the logs that entries are of, each log once, by its id. It
// is the number to hold against a threshold, if every entry given has been
// verified: an id that was not bound to a log's key is anybody's claim.
func CountLogs(entries []*LogEntry) int {
	logs := map[[sha256.Size]byte]bool{}
	for _, e := range entries {
		logs[sha256.Sum256(e.LogID)] = true
	}
	return len(logs)
}
