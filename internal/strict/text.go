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

// Base64 decodes standard base64 (RFC 4648, section 4) that is written in its
// one spelling: padded, without line breaks, and with the unused bits of the
// last character zero. The empty string decodes to no bytes.
func Base64(s string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("want standard base64 in its one spelling: %w", err)
	}
	if strings.ContainsAny(s, "\r\n") { // which the decoder skips
		return nil, errors.New("want standard base64 in its one spelling: it contains line breaks")
	}
	return raw, nil
}

// PEMForm says how strictly a text of PEM blocks must be written.
type PEMForm int

// The forms of a text with PEM blocks.
const (
	// PEMWithin allows other text around the blocks, as in files that openssl
	// writes. What is not a block is skipped.
	PEMWithin PEMForm = iota

	// PEMAlone allows nothing but white space around and between the blocks.
	PEMAlone

	// PEMCanonical is PEMAlone with each block written as encoding/pem writes it,
	// without headers.
	PEMCanonical

	// PEMRewrapped is PEMExact, except that lines may break anywhere.
	PEMRewrapped

	// PEMExact is what encoding/pem writes of the blocks, without headers and with
	// nothing around them.
	PEMExact
)

// PEM returns the blocks that a text holds. The error says how the text departs
// from the form; the blocks that could be read are returned with it, so that a
// caller can name what was given instead of what was expected. A text without a
// block has no blocks and no error, unless something else is in it that the form
// does not allow.
func PEM(text []byte, form PEMForm) ([]*pem.Block, error) {
	var blocks []*pem.Block
	var canonical [][]byte
	for rest := text; ; {
		if form == PEMAlone || form == PEMCanonical {
			rest = bytes.TrimSpace(rest) // a block begins a line, which may be indented here
		}
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		blocks = append(blocks, block)
		canonical = append(canonical, pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes}))
	}
	return blocks, form.check(text, canonical)
}

var (
	errAround    = errors.New("want PEM blocks and nothing around or between them")
	errCanonical = errors.New("want PEM blocks in their canonical form, without headers, and nothing around or " +
		"between them")
)

// check compares the text with its blocks as encoding/pem writes them.
func (form PEMForm) check(text []byte, blocks [][]byte) error {
	switch form {
	case PEMAlone:
		return checkAlone(text, len(blocks))
	case PEMCanonical:
		for _, block := range blocks {
			after, ok := bytes.CutPrefix(bytes.TrimSpace(text), bytes.TrimSpace(block))
			if !ok {
				return errCanonical
			}
			text = after
		}
		if len(bytes.TrimSpace(text)) > 0 {
			return errCanonical
		}
	case PEMRewrapped, PEMExact:
		all := bytes.Join(blocks, nil)
		if form == PEMRewrapped {
			text, all = withoutBreaks(text), withoutBreaks(all)
		}
		if !bytes.Equal(text, all) {
			return errCanonical
		}
	}
	return nil
}

// checkAlone counts the beginnings of blocks, because [pem.Decode] skips what it
// cannot read, including a broken block before a good one.
func checkAlone(text []byte, blocks int) error {
	begin, end := []byte("-----BEGIN "), []byte("-----END ")
	if bytes.Count(text, begin) != blocks {
		return errAround
	}
	for range blocks {
		text = bytes.TrimSpace(text)
		if !bytes.HasPrefix(text, begin) {
			return errAround
		}
		_, after, _ := bytes.Cut(text, end)
		_, after, _ = bytes.Cut(after, []byte("-----"))
		text = after
	}
	if len(bytes.TrimSpace(text)) > 0 {
		return errAround
	}
	return nil
}

func withoutBreaks(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), nil) }

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
