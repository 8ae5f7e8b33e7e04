package rekor

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
)

// LogEntry is an entry of a transparency log as a Sigstore bundle carries it:
// nothing about it has been verified.
//
// IntegratedTime and, in Rekor v1, LogIndex are covered by the SET and by
// nothing else: without a SET that verifies, they are anybody's claim.
type LogEntry struct {
	LogIndex       int64
	LogID          []byte // the id itself, not its hex
	Kind, Version  string // as declared beside the body; see ParseBody
	IntegratedTime int64  // Unix seconds, 0 if there is none
	SET            []byte // the signed entry timestamp, nil if there is none
	Body           []byte // the entry, decoded
	Proof          *Proof // nil if there is none
}

// Check answers whether the parts of the entry are of the form they must have,
// and whether those are there that its generation of Rekor gives, and no
// others: from Rekor v1 a SET with its time, an inclusion proof, or both; from
// Rekor v2 an inclusion proof and, since nothing would vouch for one, no time.
// The proof is left to [Proof.Verify]. The error matches [ErrTooLarge] when a budget is exceeded, is a
// [*MismatchError] for a proof of another index in Rekor v2, and a
// [*FormatError] otherwise.
func (e *LogEntry) Check() error {
	if len(e.Body) > MaxBody {
		return tooLarge("log entry: bytes", len(e.Body), MaxBody)
	}
	if len(e.LogID) != sha256.Size {
		return malformed("logId", "want %d bytes, found %d", sha256.Size, len(e.LogID))
	}
	if e.LogIndex < 0 || e.LogIndex > maxInteger {
		return malformed("logIndex", "want an integer from 0 to %d, found %d", int64(maxInteger), e.LogIndex)
	}
	if isV2(e.Kind, e.Version) {
		return e.checkV2()
	}
	return e.checkV1()
}

func (e *LogEntry) checkV1() error {
	if e.SET == nil && e.Proof == nil {
		return malformed("log entry", "want a signed entry timestamp or an inclusion proof, found neither")
	}
	least := int64(0)
	if e.SET != nil {
		least = 1
	}
	if e.IntegratedTime < least || e.IntegratedTime > maxInteger {
		return malformed("integratedTime", "want an integer from %d to %d, found %d", least, int64(maxInteger), e.IntegratedTime)
	}
	return nil
}

func (e *LogEntry) checkV2() error {
	if e.IntegratedTime != 0 {
		return malformed("integratedTime", "want none: Rekor v2 gives no time, and nothing vouches for %d", e.IntegratedTime)
	}
	if e.SET != nil {
		return malformed("signedEntryTimestamp", "want none: Rekor v2 gives no promise")
	}
	if e.Proof == nil {
		return malformed("inclusionProof", "want one, as Rekor v2 gives nothing else")
	}
	if e.Proof.LogIndex != e.LogIndex {
		return mismatch("log index", decimal(e.Proof.LogIndex), decimal(e.LogIndex))
	}
	return nil
}

// ParseBody reads the body. The error is that of [ParseEntry], or a
// [*MismatchError] for a body of another kind or version than declared.
func (e *LogEntry) ParseBody() (*Entry, error) {
	entry, err := ParseEntry(e.Body)
	if err != nil {
		return nil, err
	}
	if !entry.is(e.Kind, e.Version) {
		return nil, mismatch("kind", e.Kind+" "+e.Version, entry.Kind+" "+entry.APIVersion)
	}
	return entry, nil
}

// Bundle returns the part that the SET covers, for the questions that are put
// to a Rekor bundle: [Bundle.BindLog] and [VerifySET]. It is nil if there is no
// SET, and means something only if Check has passed.
func (e *LogEntry) Bundle() *Bundle {
	if e.SET == nil {
		return nil
	}
	return &Bundle{
		SET:            e.SET,
		Body:           e.Body,
		BodyBase64:     base64.StdEncoding.EncodeToString(e.Body),
		IntegratedTime: e.IntegratedTime,
		LogIndex:       e.LogIndex,
		LogID:          hex.EncodeToString(e.LogID),
	}
}
