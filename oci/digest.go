package oci

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Digest is the content address of a blob: "sha256:" and 64 lower-case hex
// digits, nothing else. A value that came from outside goes through
// [ParseDigest] before it is used as a name.
type Digest string

// EmptyDigest is the digest of the empty config, the two bytes "{}" of
// application/vnd.oci.empty.v1+json.
const EmptyDigest Digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

const (
	digestPrefix = "sha256:"
	digestHex    = 2 * sha256.Size
)

// ParseDigest returns s as a Digest. Other algorithms, upper case, short or
// empty values and anything that could act as a path are refused: a digest
// becomes a file name.
func ParseDigest(s string) (Digest, error) {
	hexPart, ok := strings.CutPrefix(s, digestPrefix)
	if !ok {
		return "", fmt.Errorf("digest %q: want sha256:<64 lower-case hex digits>, no other algorithm is supported", clip(s))
	}
	if len(hexPart) != digestHex || !isLowerHex(hexPart) {
		return "", fmt.Errorf("digest %q: want 64 lower-case hex digits after sha256:", clip(s))
	}
	return Digest(s), nil
}

// FromBytes returns the digest of b.
func FromBytes(b []byte) Digest { return FromSum(sha256.Sum256(b)) }

// FromSum returns a finished SHA-256 as a Digest.
func FromSum(sum [sha256.Size]byte) Digest {
	return Digest(digestPrefix + hex.EncodeToString(sum[:]))
}

// Hex returns the 64 hex digits.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// String returns the digest with its algorithm.
func (d Digest) String() string { return string(d) }

func isLowerHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// clip keeps a hostile value from flooding a message.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "…"
	}
	return s
}
