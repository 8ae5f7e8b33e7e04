package main

import (
	"fmt"
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

// say writes a message of gapseal itself, folded for a terminal. A line that
// begins with a space is a command to be copied, and stays whole. What comes from
// outside is to be escaped before, or its line breaks are taken for ours.
func say(w io.Writer, format string, args ...any) {
	msg := "gapseal: " + escapeLines(fmt.Sprintf(format, args...))
	indent := len("gapseal: ")
	for line := range strings.SplitSeq(msg, "\n") {
		if strings.HasPrefix(line, " ") {
			fmt.Fprintln(w, line)
		} else {
			fmt.Fprint(w, report.Fold(line, indent))
		}
		indent = 2
	}
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
