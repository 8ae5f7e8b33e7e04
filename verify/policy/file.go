package policy

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/gapseal/gapseal/internal/plainyaml"
)

// MaxFile is the budget for a policy or a transfer record, in bytes.
const MaxFile = 1 << 20

// Error reports what is wrong with a file, and where. Line and Column count
// from 1; both are 0 for the file as a whole.
type Error struct {
	Line, Column int
	Message      string
}

// Error says what is wrong and at which line and column. It leaves out the place if
// the error is about the file as a whole.
func (e *Error) Error() string { return (*plainyaml.Error)(e).Error() }

// decode reads one YAML document of a schema strictly into a pointer to a struct.
// The error is an [*Error].
func decode(raw []byte, schema string, into any) error {
	if len(raw) > MaxFile {
		return &Error{Message: fmt.Sprintf("the file has %d bytes; want at most %d", len(raw), MaxFile)}
	}
	return located(plainyaml.Read(raw, func() error { return decodePlain(raw, schema, into) }))
}

func decodePlain(raw []byte, schema string, into any) error {
	if err := refuseEmpty(raw); err != nil {
		return err
	}
	// In a file of another schema, report the schema, not the keys that are unknown here.
	var head struct {
		Schema value `yaml:"schema"`
	}
	if err := plainyaml.Head(raw, &head); err != nil {
		return err
	}
	unwanted := head.Schema.text != schema
	if unwanted && head.Schema.given() {
		return head.Schema.fault("schema: want %s, found %q", schema, firstLine(head.Schema.text))
	}
	if err := plainyaml.Decode(raw, into); err != nil {
		return suggest(located(err), into)
	}
	if unwanted {
		return &Error{Message: fmt.Sprintf("schema: want %s, found none", schema)}
	}
	return nil
}

// refuseEmpty refuses a key without a value, and an empty list: either would look
// like a demand and demand nothing.
func refuseEmpty(raw []byte) error {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return err
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

// located turns an error of the library or of package plainyaml into an [*Error].
func located(err error) error {
	own, plain := (*Error)(nil), (*plainyaml.Error)(nil)
	if err == nil || errors.As(err, &own) {
		return err
	}
	if errors.As(plainyaml.Located(err), &plain) {
		return &Error{plain.Line, plain.Column, plain.Message}
	}
	return err
}

func at(t *token.Token, format string, args ...any) *Error {
	e := plainyaml.At(t, format, args...)
	return &Error{e.Line, e.Column, e.Message}
}

func firstLine(s string) string { return plainyaml.FirstLine(s) }

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
