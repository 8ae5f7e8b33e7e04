package verify

import (
	"bytes"
	"unicode/utf8"

	"github.com/gapseal/gapseal/internal/layer"
)

// textCheck finds out whether what is written to it is text that nothing can unpack,
// by the rule of [oci.IsText] and without holding it.
type textCheck struct {
	head   layer.Peek
	rest   []byte // the beginning of a character, up to three bytes
	binary bool
}

// Write takes all of b and never fails.
func (t *textCheck) Write(b []byte) (int, error) {
	_, _ = t.head.Write(b)
	text := append(t.rest, b...)
	whole := len(text) - incomplete(text)
	t.binary = t.binary || !utf8.Valid(text[:whole]) || bytes.IndexByte(b, 0) >= 0
	t.rest = bytes.Clone(text[whole:])
	return len(b), nil
}

// incomplete returns how many bytes at the end of text begin a character and do not
// complete it.
func incomplete(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		tail := text[len(text)-n:]
		switch {
		case !utf8.RuneStart(tail[0]):
		case utf8.FullRune(tail):
			return 0
		default:
			return n
		}
	}
	return 0
}

func (t *textCheck) holds() bool {
	return !t.binary && len(t.rest) == 0 && t.head.Format() == layer.Other
}
