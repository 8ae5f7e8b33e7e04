package strict

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Base64 decodes base64 (RFC 4648) in the spellings that no two readers decode
// differently: the standard alphabet or the one for URLs, not both; with padding
// or without; with line breaks anywhere, as programs wrap it at 64 or 76 columns.
// The unused bits of the last character must be zero, and nothing else may be in
// the text. The empty string decodes to no bytes.
func Base64(s string) ([]byte, error) {
	text := withoutBreaks(s)
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	if !strings.HasSuffix(text, "=") && len(text)%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	raw, err := encoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("want base64: %w", err)
	}
	return raw, nil
}

func withoutBreaks(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r", "", "\n", "").Replace(s)
}

// ErrUTF16 reports that a text is in UTF-16, as some editors and shells save it.
var ErrUTF16 = errors.New("is text in UTF-16; save it as UTF-8 or ASCII")

var errBroken = errors.New("holds the beginning of a PEM block that cannot be read")

// PEM returns the PEM blocks (RFC 7468) that a text holds. Other text may stand
// around and between them, as openssl writes it; lines may be indented, end in a
// carriage return, or break elsewhere; the text may begin with a byte order mark.
// Each line that begins a block must begin one that can be read, because some
// readers skip a broken block and others stop at it. Blocks that could be read are
// returned with the error, so that a caller can name what was given. The error is
// [ErrUTF16] for a text in UTF-16.
func PEM(text []byte) ([]*pem.Block, error) {
	if bytes.HasPrefix(text, []byte("\xff\xfe")) || bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return nil, ErrUTF16
	}
	rest := plainLines(text)
	begun := bytes.Count(rest, []byte("-----BEGIN "))
	var blocks []*pem.Block
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks = append(blocks, block)
	}
	if len(blocks) != begun {
		return blocks, errBroken
	}
	return blocks, nil
}

// plainLines returns a text as [pem.Decode] expects it: without a byte order mark,
// with line feeds alone, and without white space around its lines.
func plainLines(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var out []byte
	for line := range bytes.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		out = append(out, bytes.TrimSpace(line)...)
		out = append(out, '\n')
	}
	return out
}

// ECDSASignature returns the two integers of an ECDSA signature that is written
// in its one DER encoding. Their range is left to the caller. encoding/asn1
// ignores further elements of a sequence, so the integers are encoded again and
// compared.
func ECDSASignature(sig []byte) (r, s *big.Int, err error) {
	var parsed struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(sig, &parsed); err != nil {
		return nil, nil, fmt.Errorf("want DER: %w", err)
	}
	again, err := asn1.Marshal(parsed)
	if err != nil || !bytes.Equal(again, sig) {
		return nil, nil, errors.New("want DER, a sequence of two integers and not a byte more")
	}
	return parsed.R, parsed.S, nil
}
