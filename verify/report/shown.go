package report

import (
	"regexp"
	"strings"

	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/verify"
)

// userInfo is what stands between the scheme of a URL and its host: a name and,
// often, a password.
var userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@`)

// withoutUser takes the user info out of every URL in a text.
func withoutUser(s string) string { return userInfo.ReplaceAllString(s, "$1") }

// shown makes text from outside fit to be read by a person, in any medium: URLs
// without user info, and what would not be seen as an escape. What the medium
// itself gives a meaning to is still to be escaped.
func shown(s string) string { return Terminal(withoutUser(s)) }

// valueLines are the lines of what a check expected or found. Only the keys of
// trust.key, which gapseal encoded itself, have several.
func valueLines(c *verify.Check, v verify.Text) []string {
	if c.ID != check.TrustKey {
		return []string{shown(string(v))}
	}
	lines := strings.Split(strings.TrimSpace(string(v)), "\n")
	for i := range lines {
		lines[i] = shown(lines[i])
	}
	return lines
}

// commandLine writes a command in one line, each argument as a shell would need
// it quoted to be told from the next.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if quoted[i] = a; a == "" || strings.ContainsAny(a, " \t\n\r'\"\\$`!*?[](){}<>|&;~#") {
			quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

func shownAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = shown(s)
	}
	return out
}

// given puts words before a text, if there is one.
func given(words, s string) string {
	if s == "" {
		return ""
	}
	return words + s
}
