package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/gapseal/gapseal/verify/report"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// escapeLines makes a message safe for a terminal and keeps its line breaks,
// which gapseal puts there itself.
func escapeLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = report.Terminal(l)
	}
	return strings.Join(lines, "\n")
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// shortDigest cuts a digest to what a person compares at a glance.
func shortDigest(s string) string {
	if len(s) > 19 {
		return s[:19] + "…"
	}
	return s
}
