package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/gapseal/gapseal/verify"
)

func plain(s string) value { return value{Text: shown(s)} }

// code is a text to be compared letter by letter.
func code(s string) value { return value{Text: shown(s), Code: true} }

// status is a word whose look does not rest on colour alone.
func status(s string) value { return value{Text: strings.ToUpper(shown(s)), Status: statusClass(s)} }

func statusClass(s string) string {
	switch s {
	case string(verify.Pass), string(verify.Verified), "intact":
		return "pass"
	case string(verify.Warn), "unread":
		return "warn"
	case string(verify.Skip):
		return "skip"
	}
	return "fail"
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
	return fmt.Sprintf("%d bytes (%s)", n, Bytes(n))
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
