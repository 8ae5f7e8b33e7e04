package report

import (
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// valueLines are the lines of what a check expected or found. Only the keys of
// trust.key, which gapseal encoded itself, have several.
func valueLines(c *verify.Check, v verify.Text) []string {
	if c.ID != check.TrustKey {
		return []string{term.Shown(string(v))}
	}
	lines := strings.Split(strings.TrimSpace(string(v)), "\n")
	for i := range lines {
		lines[i] = term.Shown(lines[i])
	}
	return lines
}

func shownAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = term.Shown(s)
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
