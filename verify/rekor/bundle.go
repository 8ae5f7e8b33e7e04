package rekor

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/check"
)

// Budgets for what is parsed. Sizes are in bytes.
const (
	MaxBundle = 1 << 20   // the whole annotation
	MaxBody   = 512 << 10 // an entry, decoded
	MaxDepth  = 8         // nesting of JSON; what is read has at most four levels
)

// Bundle is a Rekor bundle, as parsed. Nothing in it has been verified.
type Bundle struct {
	SET            []byte // the signed entry timestamp
	Body           []byte // the entry, decoded from BodyBase64
	BodyBase64     string // Body in the spelling that the log signs
	IntegratedTime int64  // Unix seconds, as claimed by the log
	LogIndex       int64
	LogID          string // as found; see [Bundle.CheckLogID]
}

// ParseBundle reads the value of the annotation dev.sigstore.cosign/bundle.
// The error matches [check.ErrTooLarge] when a budget is exceeded, and is a
// [*check.FormatError] otherwise.
func ParseBundle(raw []byte) (*Bundle, error) {
	const what = "rekor bundle"
	if len(raw) > MaxBundle {
		return nil, check.TooLarge(what+": bytes", len(raw), MaxBundle)
	}
	var r reader
	r.depth(raw, what)
	top := r.object(raw, what, "SignedEntryTimestamp", "Payload")
	payload := r.object(top[1], "Payload", "body", "integratedTime", "logIndex", "logID")
	b := &Bundle{
		SET:            r.base64(top[0], "SignedEntryTimestamp"),
		Body:           r.base64(payload[0], "body"),
		IntegratedTime: r.integer(payload[1], "integratedTime", 1),
		LogIndex:       r.integer(payload[2], "logIndex", 0),
		LogID:          r.text(payload[3], "logID"),
	}
	if r.err != nil {
		return nil, r.err
	}
	b.BodyBase64 = base64.StdEncoding.EncodeToString(b.Body)
	if len(b.Body) > MaxBody {
		return nil, check.TooLarge("body: bytes", len(b.Body), MaxBody)
	}
	return b, nil
}

// CheckLogID checks that LogID has the form of a log id: 64 lower-case hex
// digits. If not, the error is a [*check.FormatError].
func (b *Bundle) CheckLogID() error {
	if len(b.LogID) == hex.EncodedLen(sha256.Size) && isLowerHex(b.LogID) {
		return nil
	}
	return check.Malformed("logID", "want 64 lower-case hex digits, found %q", b.LogID)
}

// BindLog checks that LogID names this log key: that it is the SHA-256 of the
// key's SubjectPublicKeyInfo. If not, the error is a [*MismatchError]; it matches
// [ErrLogKey] for a key that cannot be encoded.
func (b *Bundle) BindLog(logKey crypto.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(logKey)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLogKey, err)
	}
	sum := sha256.Sum256(der)
	if want := hex.EncodeToString(sum[:]); b.LogID != want {
		return &MismatchError{What: "log id", Expected: want, Found: check.Clip(b.LogID)}
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

// quote ignores the error of AppendQuote. It reports invalid UTF-8, which
// ParseBundle has refused before.
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

// role is the role of a log's signature: its name for messages, and the error if the
// signature does not verify.
type role struct {
	name string
	err  error
}

var roleSET = role{"SignedEntryTimestamp", ErrSET}

// VerifySET checks that the log signed the entry in b: that b.SET is a signature
// by logKey over [Bundle.Canonical]. logKey is an *ecdsa.PublicKey, of any curve
// and with SHA-256, or an ed25519.PublicKey, well-formed as crypto/x509 parses
// it. The error is [ErrLogKey] for any other key, a [*check.FormatError] for a
// SET that is not in its canonical encoding, and [ErrSET] for one that does not
// verify. The caller must check which log the key belongs to, and when the key was
// valid.
func VerifySET(b *Bundle, logKey crypto.PublicKey) error {
	return roleSET.verify(logKey, b.Canonical(), b.SET)
}

func (r role) verify(logKey crypto.PublicKey, message, sig []byte) error {
	if err := checkLogKey(logKey); err != nil {
		return err
	}
	if key, ok := logKey.(*ecdsa.PublicKey); ok {
		return r.verifyECDSA(key, message, sig)
	}
	return r.verifyEd25519(logKey.(ed25519.PublicKey), message, sig)
}

func checkLogKey(logKey crypto.PublicKey) error {
	switch key := logKey.(type) {
	case *ecdsa.PublicKey:
		if key != nil && key.Curve != nil {
			return nil
		}
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return nil
		}
	}
	return ErrLogKey
}

func (r role) verifyECDSA(key *ecdsa.PublicKey, message, sig []byte) error {
	if err := r.checkDER(sig, key.Params().N); err != nil {
		return err
	}
	sum := sha256.Sum256(message)
	if !ecdsa.VerifyASN1(key, sum[:], sig) {
		return r.err
	}
	return nil
}

func (r role) verifyEd25519(key ed25519.PublicKey, message, sig []byte) error {
	if len(sig) != ed25519.SignatureSize {
		return check.Malformed(r.name, "want an Ed25519 signature of %d bytes, found %d", ed25519.SignatureSize,
			len(sig))
	}
	if !ed25519.Verify(key, message, sig) {
		return r.err
	}
	return nil
}

// checkDER accepts only the one DER encoding of r and s, both from 1 to n-1.
func (r role) checkDER(sig []byte, n *big.Int) error {
	x, y, err := strict.ECDSASignature(sig)
	if err != nil {
		return check.Malformed(r.name, "want an ECDSA signature: %v", err)
	}
	for _, i := range []*big.Int{x, y} {
		if i.Sign() <= 0 || i.Cmp(n) >= 0 {
			return check.Malformed(r.name, "want both integers of the signature from 1 to the order of the curve "+
				"less one")
		}
	}
	return nil
}
