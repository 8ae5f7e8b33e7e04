package evidence

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
)

// MaxSize is the budget for an envelope or a Sigstore bundle, in bytes.
const MaxSize = 16 << 20

func encodingFault(format string, args ...any) *check.Fault {
	return fault(check.SignatureEncoding, format, args...)
}

func claimsFault(format string, args ...any) *check.Fault {
	return fault(check.SignatureClaims, format, args...)
}

// rekorFault returns an error of package rekor as a fault of this id, or of its
// budget.
func rekorFault(id check.ID, err error) *check.Fault {
	if errors.Is(err, rekor.ErrTooLarge) {
		id = check.LimitEntry
	}
	return fault(id, "%v", err)
}

func fault(id check.ID, format string, args ...any) *check.Fault {
	return &check.Fault{ID: id, Detail: clip(fmt.Sprintf(format, args...))}
}

// tooLarge returns a fault for a document over [MaxSize], nil otherwise.
func tooLarge(what string, raw []byte) *check.Fault {
	if len(raw) <= MaxSize {
		return nil
	}
	return &check.Fault{ID: check.LimitEvidence, Detail: what,
		Expected: fmt.Sprintf("at most %d bytes", MaxSize), Found: fmt.Sprintf("%d bytes", len(raw))}
}

// clip keeps a hostile value from flooding a message. protobuf puts a no-break
// space into some messages at random.
func clip(s string) string {
	const most = 500
	s = strings.ReplaceAll(s, "\u00a0", " ")
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// DecodeBase64 decodes standard base64 that has exactly one spelling: padded,
// no white space, no stray bits.
func DecodeBase64(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("it contains line breaks")
	}
	return raw, nil
}

// decodeHex decodes what is known to be hex.
func decodeHex(s string) []byte {
	raw, _ := hex.DecodeString(s)
	return raw
}
