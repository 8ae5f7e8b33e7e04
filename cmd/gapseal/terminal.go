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

// readAtMost reads up to max bytes of a file and one more, by which the caller
// can tell.
func readAtMost(path string, max int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max+1))
}
