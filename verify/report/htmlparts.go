package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify/check"
)

// What a page is made of.

// finding is a failure, or a group of warnings that say the same of several
// subjects.
type finding struct {
	ID, Detail string
	Facts      []fact
}

// section is a part of the page. Long tables in it are folded on the screen and
// open on paper.
type section struct {
	ID, Title, Note string
	Facts           []fact
	Tables          []table
	Parts           []part
}

// part is a part of a section that can be folded, under a heading and a line that
// sums it up.
type part struct {
	ID, Title, Line string
	Open            bool
	Facts           []fact
	Tables          []table
}

type table struct {
	Title   string // above it
	Fold    bool   // shown on a click only
	Columns []string
	Rows    [][]value
}

// fact is a label with its values, each on a line of its own.
type fact struct {
	Label  string
	Values []value
}

// value is a plain text, a text to be compared such as a digest, or a status.
type value struct {
	Text   string
	Code   bool
	Break  bool   // holds a word that is too long for a narrow column
	Whole  bool   // never broken
	Status string // pass, fail, warn or skip
	Link   string // to an id in the page
}

// longWord is the length beyond which a word is broken in a narrow column.
const longWord = 24

func plain(s string) value {
	v := value{Text: term.Shown(s)}
	for _, word := range strings.Fields(v.Text) {
		v.Break = v.Break || len(word) > longWord
	}
	return v
}

// at returns a time as a value that is never broken.
func at(t *time.Time) value { return value{Text: moment(t), Whole: true} }

// code returns a text that is to be compared letter by letter.
func code(s string) value { return value{Text: term.Shown(s), Code: true} }

// statusLook gives the style of a status. Each style has a border of its own, so
// that no meaning depends on colour alone.
var statusLook = map[string]string{
	string(check.Pass):     "pass",
	string(check.Warn):     "warn",
	string(check.Skip):     "skip",
	string(check.Fail):     "fail",
	string(check.Verified): "pass",
	string(check.Rejected): "fail",
	string(check.Intact):   "pass",
	string(check.Unread):   "warn",
	string(check.Damaged):  "fail",
	string(check.Missing):  "fail",
	string(check.Unlisted): "fail",
}

func status[T ~string](s T) value {
	if look := statusLook[string(s)]; look != "" {
		return value{Text: strings.ToUpper(string(s)), Status: look}
	}
	return plain(string(s))
}

// facts collects labels with their values. Empty values are left out, as is a
// label without a value.
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

// moment writes a time in UTC. It returns "" for no time.
func moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// size writes a number of bytes in full, and a long one also in larger units.
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
