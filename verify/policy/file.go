package policy

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gapseal/gapseal/verify/check"
)

// MaxFile is the budget for a policy or a transfer record, in bytes.
const MaxFile = 1 << 20

// maxDepth bounds how deep the file may nest, and maxTokens how many YAML tokens
// it may have, because the library's time grows with the square of either.
const (
	maxDepth  = 16
	maxTokens = 30_000
)

// Error reports what is wrong with a file, and where. Line and Column count
// from 1; both are 0 for the file as a whole.
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

// decode reads one YAML document of a schema strictly into a pointer to a struct.
// The error is an [*Error].
func decode(raw []byte, schema string, into any) (err error) {
	if len(raw) > MaxFile {
		return &Error{Message: fmt.Sprintf("the file has %d bytes; want at most %d", len(raw), MaxFile)}
	}
	defer func() {
		// No file, from whatever source, may crash the program through the library.
		if p := recover(); p != nil {
			err = &Error{Message: "the file is not YAML that can be read"}
		}
	}()
	if err := plain(string(raw)); err != nil {
		return err
	}
	if err := refuseEmpty(raw); err != nil {
		return err
	}
	// In a file of another schema, report the schema, not the keys that are unknown here.
	var head struct {
		Schema value `yaml:"schema"`
	}
	if err := yaml.Unmarshal(raw, &head); err != nil {
		return located(err)
	}
	unwanted := head.Schema.text != schema
	if unwanted && head.Schema.given() {
		return head.Schema.fault("schema: want %s, found %q", schema, firstLine(head.Schema.text))
	}
	d := yaml.NewDecoder(strings.NewReader(string(raw)), yaml.Strict())
	if err := d.Decode(into); err != nil {
		return suggest(located(err), into)
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		return &Error{Message: "want one YAML document, found more"}
	}
	if unwanted {
		return &Error{Message: fmt.Sprintf("schema: want %s, found none", schema)}
	}
	return nil
}

// plain refuses YAML features that can give a file another meaning than it appears
// to have, or make it grow when it is read.
func plain(s string) error {
	open, line, dashes := 0, 0, 0
	for i, t := range lexer.Tokenize(s) {
		if t.Position != nil && t.Position.Line != line {
			line, dashes = t.Position.Line, 0
		}
		switch t.Type {
		case token.SequenceEntryType, token.MappingKeyType:
			dashes++ // on one line, each opens a list or mapping within the one before
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			return at(t, "anchors, aliases, merges, tags and directives are not allowed, found %q", firstLine(t.Origin))
		case token.InvalidType:
			return at(t, "the file is not YAML: %s", firstLine(t.Error))
		case token.MappingStartType, token.SequenceStartType:
			open++
		case token.MappingEndType, token.SequenceEndType:
			open--
		}
		if i >= maxTokens {
			return at(t, "the file is too long: want at most %d words and signs", maxTokens)
		}
		if open > maxDepth || dashes > maxDepth || t.Position != nil && t.Position.IndentNum > 16*maxDepth {
			return at(t, "the file nests too deeply")
		}
	}
	return nil
}

// refuseEmpty refuses a key without a value, and an empty list: either would look
// like a demand and demand nothing.
func refuseEmpty(raw []byte) error {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return located(err)
	}
	n := &emptyFinder{}
	for _, doc := range file.Docs {
		if doc.Body != nil && doc.Body.Type() != ast.NullType {
			ast.Walk(n, doc.Body)
		}
	}
	if n.first != nil {
		return at(n.first, "want a value, found none; leave the key out if it has none")
	}
	return nil
}

// emptyFinder finds the first null, empty list or empty mapping of a document.
type emptyFinder struct{ first *token.Token }

// Visit implements [ast.Visitor].
func (n *emptyFinder) Visit(node ast.Node) ast.Visitor {
	empty := node.Type() == ast.NullType
	switch list := node.(type) {
	case *ast.SequenceNode:
		empty = len(list.Values) == 0
	case *ast.MappingNode:
		empty = len(list.Values) == 0
	}
	if empty && n.first == nil {
		n.first = node.GetToken()
	}
	return n
}

// located turns the library's error into one that names line and column.
func located(err error) error {
	if errors.Is(err, io.EOF) {
		return &Error{Message: "the file is empty"}
	}
	if own := (*Error)(nil); errors.As(err, &own) {
		return own
	}
	y := yaml.Error(nil)
	if !errors.As(err, &y) {
		return &Error{Message: firstLine(err.Error())}
	}
	message := y.GetMessage()
	message = strings.Replace(message, "unknown field", "unknown key", 1)
	if t := y.GetToken(); t != nil {
		return at(t, "%s", firstLine(message))
	}
	return &Error{Message: firstLine(message)}
}

func at(t *token.Token, format string, args ...any) *Error {
	e := &Error{Message: fmt.Sprintf(format, args...)}
	if t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// firstLine returns the first line of a text from the file, shortened so that
// it cannot flood the terminal.
func firstLine(s string) string {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "\n")
	return check.Clip(s)
}

// value is a scalar as it is written, with its place, so that an error about
// its meaning can still name its line.
type value struct {
	text  string
	token *token.Token // nil if it is absent
}

// UnmarshalYAML takes any scalar but null.
func (v *value) UnmarshalYAML(n ast.Node) error {
	t := n.GetToken()
	switch n := n.(type) {
	case *ast.StringNode:
		v.text = n.Value
	case *ast.LiteralNode:
		v.text = n.Value.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		v.text = t.Value
	default:
		return at(t, "want a single value, found %s", strings.ToLower(n.Type().String()))
	}
	v.token = t
	visible := func(r rune) bool { return r != ' ' && unicode.IsPrint(r) }
	if !strings.ContainsFunc(v.text, visible) {
		return at(t, "want a value, found an empty one")
	}
	return nil
}

func (v *value) given() bool { return v.token != nil }

// fault returns an error about the value.
func (v *value) fault(format string, args ...any) *Error {
	if v.token == nil {
		return &Error{Message: fmt.Sprintf(format, args...)}
	}
	return at(v.token, format, args...)
}

// flag reads true or false, and returns false for an absent value.
func (v *value) flag() (bool, error) {
	switch v.text {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, v.fault("want true or false, found %q", firstLine(v.text))
}

// choice reads one of two words. For an absent value, it returns the
// first, which is the default.
func (v *value) choice(byDefault, other string) (string, error) {
	switch v.text {
	case "", byDefault:
		return byDefault, nil
	case other:
		return other, nil
	}
	return "", v.fault("want %s or %s, found %q", byDefault, other, firstLine(v.text))
}
