package tsa

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxDepth bounds the nesting of a token, whose deepest honest part, a
// distinguished name, has less than half of it.
const maxDepth = 48

// checkDER asks for one DER value and nothing after it. The libraries below
// take BER as well, in which one timestamp can be written many ways.
func checkDER(token []byte) error {
	in := cryptobyte.String(token)
	if err := walk(&in, 0); err != nil {
		return err
	}
	if !in.Empty() {
		return malformed("TimeStampResp", "want one value, found %d bytes after it", len(in))
	}
	return nil
}

// walk reads one value with all that is in it.
func walk(in *cryptobyte.String, depth int) error {
	var value cryptobyte.String
	var tag asn1.Tag
	if !in.ReadAnyASN1(&value, &tag) {
		return malformed("TimeStampResp", "want DER, with definite and shortest lengths")
	}
	const constructed, class = 0x20, 0xc0
	if tag&constructed == 0 {
		return nil
	}
	if tag&class == 0 && tag != asn1.SEQUENCE && tag != asn1.SET {
		return malformed("TimeStampResp", "want DER, in which a string is in one piece")
	}
	if depth == maxDepth {
		return malformed("TimeStampResp", "nests deeper than %d levels", maxDepth)
	}
	for !value.Empty() {
		if err := walk(&value, depth+1); err != nil {
			return err
		}
	}
	return nil
}
