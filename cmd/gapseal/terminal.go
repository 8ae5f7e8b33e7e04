package main

import (
	"io"
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

// readAtMost reads up to max bytes and one more, by which the caller can tell.
func readAtMost(r io.Reader, max int64) ([]byte, error) {
	return io.ReadAll(io.LimitReader(r, max+1))
}
