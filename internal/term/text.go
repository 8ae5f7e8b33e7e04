// Package term writes what a person reads on a terminal of 80 columns: messages
// ([Say]), rows of a label and its values ([Row]), and a line of progress ([Bar]).
//
// Text from outside, such as a name in a bundle, must not control the terminal.
// [Escape] writes invisible characters as escapes, and [Fold] breaks the lines, so
// that no line begins with text from outside. [Row] does both.
package term

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// IsTerminal reports whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// LabelWidth is the column at which the values of a [Row] begin. A whole digest,
// with its algorithm, then fills a terminal of 80 columns exactly.
const LabelWidth = 9

const columns = 80

// Row writes a label and values from outside, each value on a line of its own,
// escaped by [Shown] and folded by [Fold]. Empty values are left out. Row is
// meant for buffered writers: it does not report an error of w.
func Row(w io.Writer, label string, values ...string) {
	for _, v := range values {
		if v != "" {
			io.WriteString(w, Fold(fmt.Sprintf("%-*s", LabelWidth, label)+Shown(v), LabelWidth))
			label = ""
		}
	}
}

// Say writes a message of gapseal itself to w, prefixed with the program's name,
// escaped and folded. A line that begins with a space is a command to be copied
// and is not folded. Text from outside must be escaped by the caller first: a
// line break in it would be taken for one of the message's own.
func Say(w io.Writer, format string, args ...any) {
	const prefix = "gapseal: "
	indent := len(prefix)
	for line := range strings.SplitSeq(prefix+EscapeLines(fmt.Sprintf(format, args...)), "\n") {
		if strings.HasPrefix(line, " ") {
			fmt.Fprintln(w, line)
		} else {
			fmt.Fprint(w, Fold(line, indent))
		}
		indent = 2
	}
}

// Fold breaks s into lines of at most 80 columns. The first line starts as s
// does, each further one after indent spaces, and every line ends with a line
// break. A word longer than a line is broken as well: otherwise the terminal
// would break it, and text from outside must never start a line.
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

// breakAt returns where the first line of s, which is longer than one line, ends:
// at its last space after the indent, otherwise where the line is full.
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

// Escape makes text from outside safe for a terminal: control characters, line
// breaks, invalid UTF-8 and characters that reorder or hide others are written as
// escapes. Everything a person can see stays as it is.
func Escape(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case Visible(r):
			b.WriteRune(r)
		case r < utf8.RuneSelf:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u{%x}`, r)
		}
	}
	return b.String()
}

// plain reports whether s is printable ASCII, as most texts are: a report can hold
// millions of them.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// EscapeLines is [Escape] for a message whose line breaks are gapseal's own.
func EscapeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = Escape(l)
	}
	return strings.Join(lines, "\n")
}

// Visible reports whether a person sees r for what it is. Unicode counts some
// characters as graphic that leave no mark at all.
func Visible(r rune) bool {
	if r == ' ' {
		return true
	}
	const brailleBlank = '\u2800'
	return unicode.IsGraphic(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Zs, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// userInfo matches what stands between the scheme of a URL and its host: a name
// and, often, a password.
var userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@`)

// WithoutUser removes the user info from every URL in a text.
func WithoutUser(s string) string {
	if !strings.Contains(s, "@") || !strings.Contains(s, "://") {
		return s
	}
	return userInfo.ReplaceAllString(s, "$1")
}

// Shown prepares text from outside for a person to read, in any medium: URLs
// without user info, invisible characters as escapes. What the medium itself
// gives a meaning to, such as < in HTML, remains to be escaped.
func Shown(s string) string { return Escape(WithoutUser(s)) }

// Count writes a number with its noun: one is the singular, more the plural.
func Count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// Short cuts a digest to what a person compares at a glance.
func Short(digest string) string {
	if strings.HasPrefix(digest, "sha256:") && len(digest) > 19 {
		return digest[:19] + "…"
	}
	return digest
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

// Command writes a command in one line, each argument quoted as a POSIX shell
// needs it.
func Command(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if quoted[i] = a; a == "" || strings.ContainsAny(a, " \t\n\r'\"\\$`!*?[](){}<>|&;~#") {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}
