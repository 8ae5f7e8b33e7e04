package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
)

// longWord is how long a word may be that a narrow column does not break.
const longWord = 24

func plain(s string) value {
	v := value{Text: term.Shown(s)}
	for _, word := range strings.Fields(v.Text) {
		v.Break = v.Break || len(word) > longWord
	}
	return v
}

// at is a time.
func at(t *time.Time) value { return value{Text: moment(t), Whole: true} }

// code is a text to be compared letter by letter.
func code(s string) value { return value{Text: term.Shown(s), Code: true} }

// statusLook says how a word of status looks: in a border of its own kind, so
// that nothing rests on colour alone.
var statusLook = map[string]string{
	"pass": "pass", "verified": "pass", "intact": "pass", "warn": "warn", "unread": "warn", "skip": "skip",
	"fail": "fail", "rejected": "fail", "damaged": "fail", "missing": "fail", "unlisted": "fail",
}

func status[T ~string](s T) value {
	if look := statusLook[string(s)]; look != "" {
		return value{Text: strings.ToUpper(string(s)), Status: look}
	}
	return plain(string(s))
}

// facts collects rows of a label and its values; what is empty is left out.
type facts []fact

func (f *facts) add(label string, values ...value) {
	kept := values[:0]
	for _, v := range values {
		if v.Text != "" {
			kept = append(kept, v)
		}
	}
	if len(kept) > 0 {
		*f = append(*f, fact{label, kept})
	}
}

func (f *facts) text(label string, values ...string) { f.add(label, mapped(plain, values)...) }

func (f *facts) code(label string, values ...string) { f.add(label, mapped(code, values)...) }

func mapped(form func(string) value, list []string) []value {
	values := make([]value, len(list))
	for i, s := range list {
		values[i] = form(s)
	}
	return values
}

// moment writes a time in UTC, empty if there is none.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// size writes a number of bytes in full, and for people where that is long.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d bytes (%s)", n, term.Bytes(n))
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
