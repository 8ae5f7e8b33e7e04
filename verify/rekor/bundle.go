package rekor

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// Budgets for what is parsed. Sizes are in bytes.
const (
	MaxBundle = 1 << 20   // the whole annotation
	MaxBody   = 512 << 10 // an entry, decoded
	MaxDepth  = 8         // nesting of JSON; what is read has at most four levels
)

// Bundle is a Rekor bundle, as parsed: nothing about it has been verified.
type Bundle struct {
	SET            []byte // the signed entry timestamp
	Body           []byte // the entry, decoded from BodyBase64
	BodyBase64     string // as signed
	IntegratedTime int64  // Unix seconds, as claimed by the log
	LogIndex       int64
	LogID          string // as found; see CheckLogID
}

// ParseBundle reads the value of the annotation dev.sigstore.cosign/bundle.
// The error matches [ErrTooLarge] when a budget is exceeded, and is a
// [*FormatError] otherwise.
func ParseBundle(raw []byte) (*Bundle, error) {
	const what = "rekor bundle"
	if len(raw) > MaxBundle {
		return nil, tooLarge(what+": bytes", len(raw), MaxBundle)
	}
	var r reader
	r.depth(raw, what)
	top := r.object(raw, what, "SignedEntryTimestamp", "Payload")
	payload := r.object(top[1], "Payload", "body", "integratedTime", "logIndex", "logID")
	b := &Bundle{
		SET:            r.base64(top[0], "SignedEntryTimestamp"),
		Body:           r.base64(payload[0], "body"),
		BodyBase64:     r.text(payload[0], "body"),
		IntegratedTime: r.integer(payload[1], "integratedTime", 1),
		LogIndex:       r.integer(payload[2], "logIndex", 0),
		LogID:          r.text(payload[3], "logID"),
	}
	if r.err != nil {
		return nil, r.err
	}
	if len(b.Body) > MaxBody {
		return nil, tooLarge("body: bytes", len(b.Body), MaxBody)
	}
	return b, nil
}

// CheckLogID answers whether LogID has the form of a log id: 64 lower-case
// hex digits. If not, the error is a [*FormatError].
func (b *Bundle) CheckLogID() error {
	if len(b.LogID) == hex.EncodedLen(sha256.Size) && isLowerHex(b.LogID) {
		return nil
	}
	return malformed("logID", "want 64 lower-case hex digits, found %q", b.LogID)
}

// BindLog answers whether LogID names this log key, that is, whether it is the
// SHA-256 of the key's SubjectPublicKeyInfo. If not, the error is a
// [*MismatchError].
func (b *Bundle) BindLog(logKey crypto.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(logKey)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLogKey, err)
	}
	sum := sha256.Sum256(der)
	if want := hex.EncodeToString(sum[:]); b.LogID != want {
		return &MismatchError{What: "log id", Expected: want, Found: clip(b.LogID)}
	}
	return nil
}

// Canonical returns the bytes that the SET signs: the canonical JSON, as in
// RFC 8785, of body, integratedTime, logID and logIndex.
func (b *Bundle) Canonical() []byte {
	out := quote([]byte(`{"body":`), b.BodyBase64)
	out = strconv.AppendInt(append(out, `,"integratedTime":`...), b.IntegratedTime, 10)
	out = quote(append(out, `,"logID":`...), b.LogID)
	out = strconv.AppendInt(append(out, `,"logIndex":`...), b.LogIndex, 10)
	return append(out, '}')
}

// quote drops AppendQuote's error: it reports invalid UTF-8, which ParseBundle
// has refused.
func quote(dst []byte, s string) []byte {
	out, _ := jsontext.AppendQuote(dst, s)
	return out
}

func isLowerHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
