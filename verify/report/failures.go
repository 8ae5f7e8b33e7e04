package report

import (
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// How much of each text shows; JSON has all.
const (
	maxSignatures = 10 // of one image
	maxFailures   = 20
	maxAlike      = 5 // failures of one check, and evidence not judged
	maxSubjects   = 3 // of one warning
)

// failures writes the failed checks, first cause first, and no more of one kind
// than a person reads.
func (t *text) failures() {
	shown, hidden := map[check.ID]int{}, 0
	for i := range t.r.Failures {
		c := &t.r.Failures[i]
		if i-hidden >= maxFailures || shown[c.ID] >= maxAlike {
			hidden++
			continue
		}
		shown[c.ID]++
		t.failure(c)
	}
	if hidden > 0 {
		t.line("and %d more failed; --output json lists them all\n", hidden)
	}
}

func (t *text) failure(c *verify.Check) {
	detail, command := c.Detail, ""
	if c.ID == check.ContainerWrapper {
		detail, command, _ = strings.Cut(c.Detail, ": ")
		command = strings.Replace(command, "FILE", quoted(t.r.Bundle.Path), 1)
	}
	t.fold("FAILED "+string(c.ID)+": "+term.Shown(detail), headIndent)
	t.row("subject", subject(string(c.Subject)))
	t.value(c, "expected", c.Expected)
	t.value(c, "found", c.Found)
	t.row("to do", string(c.Remedy))
	t.unfolded("run", command)
	t.line("")
}

// quoted writes a file's name as a shell takes it; a pipe has none.
func quoted(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+,:@%="
	switch {
	case path == "" || path == "-":
		return "FILE"
	case path[0] == '-':
		path = "./" + path
	}
	if strings.Trim(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// unfolded keeps a command in one piece, to be copied.
func (t *text) unfolded(label, command string) {
	if command != "" {
		t.line("%-*s%s", term.LabelWidth, label, term.Escape(command))
	}
}

// subject names a blob by its digest, which fits a line, where its path does not.
func subject(s string) string {
	if hex, ok := strings.CutPrefix(s, "blobs/sha256/"); ok {
		return "sha256:" + hex
	}
	return s
}

// value writes expected or found. Only the keys of trust.key, which gapseal
// encoded itself, are written over several lines.
func (t *text) value(c *verify.Check, label string, v verify.Text) {
	if c.ID != check.TrustKey {
		t.row(label, string(v))
		return
	}
	t.row(label, strings.Split(strings.TrimSpace(string(v)), "\n")...)
}
