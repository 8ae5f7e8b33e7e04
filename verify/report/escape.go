package report

import (
	"bytes"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gapseal/gapseal/internal/term"
)

// visibleJSON escapes what Terminal would escape, by JSON's own means, so that
// the document stays the same. In valid JSON such characters stand in strings
// only; its own white space is left alone.
func visibleJSON(doc []byte) []byte {
	var b bytes.Buffer
	for len(doc) > 0 {
		r, n := utf8.DecodeRune(doc)
		switch {
		case r == '\n' || term.Visible(r):
			b.Write(doc[:n])
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
		doc = doc[n:]
	}
	return b.Bytes()
}
