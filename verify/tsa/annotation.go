package tsa

import (
	"encoding/base64"
	"fmt"

	"github.com/gapseal/gapseal/internal/strictjson"
)

const annotationName = "dev.sigstore.cosign/rfc3161timestamp"

// ParseAnnotation returns the token, DER, that cosign's annotation
// dev.sigstore.cosign/rfc3161timestamp holds: one strict JSON object with the
// one member SignedRFC3161Timestamp, in standard base64. The error matches
// [ErrTooLarge] when the token would exceed [MaxToken], and is a [*FormatError]
// otherwise.
func ParseAnnotation(text []byte) ([]byte, error) {
	const around = 256 // what JSON and white space may add
	if most := base64.StdEncoding.EncodedLen(MaxToken) + around; len(text) > most {
		return nil, fmt.Errorf("%s: %d bytes exceed the budget of %d: %w", annotationName, len(text), most, ErrTooLarge)
	}
	var parsed struct {
		Token *string `json:"SignedRFC3161Timestamp"`
	}
	if err := strictjson.UnmarshalKnown(text, &parsed); err != nil {
		return nil, &FormatError{What: annotationName, Reason: fmt.Sprintf("want strict JSON: %v", err)}
	}
	if parsed.Token == nil {
		return nil, &FormatError{What: annotationName, Reason: "want the member SignedRFC3161Timestamp, found none"}
	}
	token, err := base64.StdEncoding.Strict().DecodeString(*parsed.Token)
	// The decoder skips line ends.
	if err != nil || len(token) == 0 || base64.StdEncoding.EncodeToString(token) != *parsed.Token {
		return nil, &FormatError{What: annotationName, Reason: "SignedRFC3161Timestamp: want standard base64 of a token"}
	}
	return token, nil
}
