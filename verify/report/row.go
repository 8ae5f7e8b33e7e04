package report

import (
	"bufio"
	"fmt"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
)

const (
	headIndent = 4 // below WARNING and FAILED, room for a digest with punctuation
)

// text writes labelled rows that fit a terminal.
type text struct {
	*bufio.Writer
	r *verify.Report
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// row is [Row] for this text.
func (t *text) row(label string, values ...string) { term.Row(t, label, values...) }

// fold writes one line, and what does not fit it below, indented.
func (t *text) fold(s string, indent int) { t.WriteString(term.Fold(s, indent)) }
