package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/gapseal/gapseal/verify"
)

// LabelWidth is where the values of a [Row] begin: with a digest, sha256: and
// all, they fill a terminal of 80 columns exactly.
const LabelWidth = 9

const (
	columns    = 80
	headIndent = 4 // below WARNING and FAILED, room for a digest with punctuation
)

// text writes labelled rows that fit a terminal.
type text struct {
	*bufio.Writer
	r *verify.Report
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// row is [Row] for this text.
func (t *text) row(label string, values ...string) { Row(t, label, values...) }

// Row writes a label and values from outside, each on a line of its own, safe for
// a terminal and folded where it is too long. Empty values are left out. It is
// for buffered writers: an error of w is not told.
func Row(w io.Writer, label string, values ...string) {
	for _, v := range values {
		if v != "" {
			io.WriteString(w, Fold(fmt.Sprintf("%-*s", LabelWidth, label)+shown(v), LabelWidth))
			label = ""
		}
	}
}

// fold writes one line, and what does not fit it below, indented.
func (t *text) fold(s string, indent int) { t.WriteString(Fold(s, indent)) }

// Fold returns s in lines of at most 80 columns, the first one as it begins and
// the others behind indent spaces, each with its line break. A word that is
// longer than a line is broken, too, or the terminal would break it, and what
// comes from outside must never begin a line.
func Fold(s string, indent int) string {
	var b strings.Builder
	s = strings.TrimRight(s, " ")
	for utf8.RuneCountInString(s) > columns {
		cut := breakAt(s, indent)
		b.WriteString(strings.TrimRight(s[:cut], " ") + "\n")
		s = strings.Repeat(" ", indent) + strings.TrimLeft(s[cut:], " ")
	}
	return b.String() + s + "\n"
}

// breakAt returns where the first line of s, which is longer than one, ends: at
// its last space behind the indent, else where it is full.
func breakAt(s string, indent int) int {
	at, space := 0, -1
	for i, r := range s {
		if r == ' ' && at > indent {
			space = i
		}
		if at == columns {
			if space >= 0 {
				return space
			}
			return i
		}
		at++
	}
	return len(s)
}

// count writes a number with its noun.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// short cuts a digest to what a person compares at a glance.
func short(s string) string {
	if strings.HasPrefix(s, "sha256:") && len(s) > 19 {
		return s[:19] + "…"
	}
	return s
}

// Bytes writes a size for people, in binary units.
func Bytes(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, u := float64(n)/1024, 0
	for f >= 1024 && u < len(units)-1 {
		f, u = f/1024, u+1
	}
	return fmt.Sprintf("%.1f %ciB", f, units[u])
}
