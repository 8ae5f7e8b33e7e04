package cert

import (
	stdasn1 "encoding/asn1"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxSCTs is the budget for the timestamps of one certificate. Fulcio embeds
// one.
const maxSCTs = 32

var oidSCTs = stdasn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2} // RFC 6962, section 3.3

// readSCTs splits the extension: an octet string with a list of timestamps, the
// list and each of them with its length before it.
func readSCTs(value cryptobyte.String) ([][]byte, error) {
	if value == nil {
		return nil, ErrNoSCT
	}
	var octets, list cryptobyte.String
	if !value.ReadASN1(&octets, asn1.OCTET_STRING) || !value.Empty() || !octets.ReadUint16LengthPrefixed(&list) || !octets.Empty() {
		return nil, malformed("signed certificate timestamps", "want a list as RFC 6962 encodes it")
	}
	var scts [][]byte
	for !list.Empty() {
		var sct cryptobyte.String
		if !list.ReadUint16LengthPrefixed(&sct) {
			return nil, malformed("signed certificate timestamps", "want a list as RFC 6962 encodes it")
		}
		scts = append(scts, sct)
	}
	if len(scts) == 0 {
		return nil, ErrNoSCT
	}
	if len(scts) > maxSCTs {
		return nil, fmt.Errorf("signed certificate timestamps: %d exceed the budget of %d: %w", len(scts), maxSCTs, ErrTooLarge)
	}
	return scts, nil
}
