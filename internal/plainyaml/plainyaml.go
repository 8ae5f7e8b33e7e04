// Package plainyaml reads YAML files that an operator wrote or was given. It refuses
// what can give a file another meaning than it appears to have, or make it grow when it
// is read.
package plainyaml

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/gapseal/gapseal/verify/check"
)

// maxDepth bounds how deep the file may nest, and maxTokens how many YAML tokens
// it may have, because the library's time grows with the square of either. maxSigns
// bounds the signs that may begin a token, before any is read.
const (
	maxDepth  = 16
	maxTokens = 30_000
	maxSigns  = 8 * maxTokens
)

// Error reports what is wrong with a file, and where. Line and Column count from 1; both
// are 0 for the file as a whole.
type Error struct {
	Line, Column int
	Message      string
}

// Error says what is wrong and at which line and column. It leaves out the place if
// the error is about the file as a whole.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Read calls read for a text without anchors, aliases, merges, tags and directives that
// is neither too long nor too deep. The error is an [*Error] if the text is not such a
// text, or if the library fails, and otherwise that of read.
func Read(raw []byte, read func() error) (err error) {
	defer func() {
		// No file, from whatever source, may crash the program through the library.
		if p := recover(); p != nil {
			err = &Error{Message: "the file is not YAML that can be read"}
		}
	}()
	if err := plain(string(raw)); err != nil {
		return err
	}
	return read()
}

// Decode decodes the one document of a text that [Read] accepts. It refuses keys that
// the type of into does not have. The error is for [Located].
func Decode(raw []byte, into any) error {
	d := yaml.NewDecoder(strings.NewReader(string(raw)), yaml.Strict())
	if err := d.Decode(into); err != nil {
		return err
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return &Error{Message: "want one YAML document, found more"}
	}
	return nil
}

// signs counts the signs that may begin or end a token. Those of a dash that stands in a
// word, or in a block of PEM, are none.
func signs(s string) (n int) {
	for i := range len(s) {
		switch s[i] {
		case '[', ']', '{', '}', ',', ':', '?', '&', '*', '!', '|', '>', '%', '@', '`', '"', '\'', '#', '\n':
			n++
		case '-':
			if i+1 == len(s) || s[i+1] == ' ' || s[i+1] == '\n' {
				n++
			}
		}
	}
	return n
}

// Head decodes the first document of a text that [Read] accepts, and passes over the
// keys that the type of into does not have. The error is for [Located].
func Head(raw []byte, into any) error { return yaml.Unmarshal(raw, into) }

func plain(s string) error {
	if n := signs(s); n > maxSigns {
		return &Error{Message: fmt.Sprintf("the file is too long: want at most %d signs, found %d", maxSigns, n)}
	}
	open, line, dashes := 0, 0, 0
	for i, t := range lexer.Tokenize(s) {
		if t.Position != nil && t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++ // on one line, each opens a list or mapping within the one before
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			return At(t, "anchors, aliases, merges, tags and directives are not allowed, found %q", FirstLine(t.Origin))
		case token.InvalidType:
			return At(t, "the file is not YAML: %s", FirstLine(t.Error))
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		}
		if i >= maxTokens {
			return At(t, "the file is too long: want at most %d words and signs", maxTokens)
		}
		if open > maxDepth || dashes > maxDepth || t.Position != nil && t.Position.IndentNum > 16*maxDepth {
			return At(t, "the file nests too deeply")
		}
	}
	return nil
}

// Located turns an error of the library into an [*Error] that names line and column.
func Located(err error) error {
	if errors.Is(err, io.EOF) {
		return &Error{Message: "the file is empty"}
	}
	if own := (*Error)(nil); errors.As(err, &own) {
		return own
	}
	y := yaml.Error(nil)
	if !errors.As(err, &y) {
		return &Error{Message: FirstLine(err.Error())}
	}
	message := y.GetMessage()
	message = strings.Replace(message, "unknown field", "unknown key", 1)
	if t := y.GetToken(); t != nil {
		return At(t, "%s", FirstLine(message))
	}
	return &Error{Message: FirstLine(message)}
}

// At returns an error at the place of a token.
func At(t *token.Token, format string, args ...any) *Error {
	e := &Error{Message: fmt.Sprintf(format, args...)}
	if t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// FirstLine returns the first line of a text from the file, shortened so that
// it cannot flood the terminal.
func FirstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return check.Clip(s)
}
