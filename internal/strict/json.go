// Package strict reads text that decides about trust: JSON, base64, PEM and the
// DER of signatures. It refuses whatever lets two readers of one text see two
// things.
//
// # JSON
//
// Beyond RFC 8259, every reader here refuses a name that occurs twice in an
// object, a byte order mark, invalid UTF-8, anything after the document, and
// deep nesting.
//
//   - [Unmarshal] decodes a document that may have names its reader does not
//     know, unless they differ only in case from one that it does know.
//   - [UnmarshalKnown] decodes a document all of whose names must be known.
//   - [UnmarshalOwn] decodes what [Marshal] wrote, and no other spelling of it.
//   - [Walk] compares a document with a [Shape] and decodes nothing.
//   - [Respell] does the same, and returns the document in the one spelling that
//     every decoder reads.
//
// How a document is spelled otherwise (white space, the order of members, escapes)
// is free.
//
// # Base64, PEM and signatures
//
// [Base64] and [PEM] accept the spellings that no two readers read differently.
// [ECDSASignature] accepts one encoding of each signature.
package strict

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/verify/check"
)

// MaxDepth is how deep objects and arrays may nest in a document that is
// unmarshalled.
const MaxDepth = 64

// ErrTooDeep reports that a document nests too deep.
var ErrTooDeep = errors.New("nests too deep")

type depthError int

func (e depthError) Error() string        { return fmt.Sprintf("nests deeper than %d levels", int(e)) }
func (e depthError) Is(target error) bool { return target == ErrTooDeep }

// Error reports where a document is not what its reader demands.
type Error struct {
	At     string // JSON pointer (RFC 6901); empty for the document as a whole
	Syntax bool   // the text is not JSON, or has a name twice
	Err    error
}

// Error says what is wrong and where, unless that is the whole document. The
// decoder names the place of a syntax error itself.
func (e *Error) Error() string {
	if e.At == "" || e.Syntax {
		return e.Err.Error()
	}
	return "at " + e.At + ": " + e.Err.Error()
}

// Unwrap returns what is wrong, without the place.
func (e *Error) Unwrap() error { return e.Err }

// Unmarshal decodes raw into v, a pointer to a struct. Unknown names are
// ignored unless they are a case variant of a known one.
func Unmarshal(raw []byte, v any) error {
	return unmarshal(raw, v)
}

// UnmarshalKnown is Unmarshal for documents whose every name is known: any
// other name is an error.
func UnmarshalKnown(raw []byte, v any) error {
	return unmarshal(raw, v, json.RejectUnknownMembers(true))
}

func unmarshal(raw []byte, v any, opts ...json.Options) error {
	if err := Walk(raw, MaxDepth, shapeOf(reflect.TypeOf(v))); err != nil {
		return clip(errors.Unwrap(err))
	}
	return clip(json.Unmarshal(raw, v, opts...))
}

// clip keeps a hostile name from flooding a message.
func clip(err error) error {
	if err == nil {
		return nil
	}
	text := check.Clip(strings.TrimPrefix(strings.TrimPrefix(err.Error(), "jsontext: "), "json: "))
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}

// A Shape says what one place of a document may hold. A nil Shape allows
// everything.
type Shape interface {
	// Value judges the token that begins the value.
	Value(tok jsontext.Token) error
}

// An ObjectShape is a Shape that judges the members of an object too. Without
// one, an object may have any members.
type ObjectShape interface {
	Shape

	// Member returns the shape of a member, or an error for a name that the object
	// may not have.
	Member(name string) (Shape, error)
}

// An ArrayShape is a Shape that judges the elements of an array too. Without one,
// an array may have any elements.
type ArrayShape interface {
	Shape

	// Element returns the shape of element i, or an error if there may be no such
	// element.
	Element(i int) (Shape, error)
}

// A SpellingShape is a Shape of a value that has several spellings.
type SpellingShape interface {
	Shape

	// Spelling returns the one spelling of the value that begins with tok, which
	// Value has accepted, and whether that differs from tok.
	Spelling(tok jsontext.Token) (one jsontext.Token, differs bool)
}

// An AliasShape is an ObjectShape whose members have several names.
type AliasShape interface {
	ObjectShape

	// Name returns the one name of a member, which Member has accepted.
	Name(alias string) string
}

// Walk reads raw, which must be one JSON document that nests at most depth
// levels and has the given shape. The error is an [*Error]; it matches
// [ErrTooDeep] for a document that nests deeper.
func Walk(raw []byte, depth int, s Shape) error {
	_, err := walk(raw, depth, s, nil)
	return err
}

// Respell is [Walk] for a document that is then decoded by another package: it
// returns the document with the one spelling of each name and value for which s
// knows several. That is raw itself if it is spelled so already. Two spellings of
// one name in an object are an error.
func Respell(raw []byte, depth int, s Shape) ([]byte, error) {
	respelled, err := walk(raw, depth, s, nil)
	if err != nil || !respelled {
		return raw, err
	}
	var out bytes.Buffer
	_, err = walk(raw, depth, s, jsontext.NewEncoder(&out))
	return out.Bytes(), err
}

// walk writes the respelled document to out, unless that is nil, and reports
// whether it is spelled otherwise than raw.
func walk(raw []byte, depth int, s Shape, out *jsontext.Encoder) (respelled bool, err error) {
	if bytes.HasPrefix(raw, []byte("\xff\xfe")) || bytes.HasPrefix(raw, []byte("\xfe\xff")) {
		return false, &Error{Err: ErrUTF16}
	}
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		return false, &Error{Err: errors.New("begins with a byte order mark")}
	}
	if bytes.HasPrefix(raw, []byte("-----BEGIN ")) {
		return false, &Error{Err: errors.New("begins like a PEM file, such as a key")}
	}
	w := &walker{
		Decoder: jsontext.NewDecoder(bytes.NewBuffer(raw)), // which is read in place
		out:     out,
		depth:   depth,
		structs: slack + len(raw)/minObject,
	}
	if err := w.value(s); err != nil {
		return false, &Error{At: string(w.StackPointer()), Syntax: w.syntax, Err: err}
	}
	if _, err := w.ReadToken(); err != io.EOF {
		return false, &Error{Err: errors.New("carries data after the end of the document")}
	}
	return w.respelled, nil
}

// A Go struct takes memory even for an empty object, so that a document of
// nothing but {} would grow fifty times, and an entry of a map takes more than its
// text if that is short. Honest documents have far more than minObject bytes for
// each of them.
const (
	minObject = 32
	slack     = 64
)

type walker struct {
	*jsontext.Decoder
	out       *jsontext.Encoder // gets the respelled document; may be nil
	depth     int
	structs   int  // how many more structs and entries of maps may be decoded
	syntax    bool // the decoder failed
	respelled bool // out differs from what was read
}

func (w *walker) token() (jsontext.Token, error) {
	tok, err := w.ReadToken()
	w.syntax = err != nil
	return tok, err
}

func (w *walker) value(s Shape) error {
	tok, err := w.token()
	if err != nil {
		return err
	}
	kind := tok.Kind()
	if (kind == '{' || kind == '[') && w.StackDepth() > w.depth {
		return depthError(w.depth)
	}
	if s != nil {
		if err := s.Value(tok); err != nil {
			return err
		}
	}
	if err := w.write(w.spelling(tok, s)); err != nil {
		return err
	}
	switch kind {
	case '{':
		return w.object(s)
	case '[':
		return w.array(s)
	}
	return nil
}

// spelling returns the one spelling of a value.
func (w *walker) spelling(tok jsontext.Token, s Shape) jsontext.Token {
	several, ok := s.(SpellingShape)
	if !ok {
		return tok
	}
	one, differs := several.Spelling(tok)
	w.respelled = w.respelled || differs
	return one
}

func (w *walker) write(tok jsontext.Token) error {
	if w.out == nil {
		return nil
	}
	return w.out.WriteToken(tok)
}

func (w *walker) array(s Shape) error {
	elements, _ := s.(ArrayShape)
	for i := 0; w.PeekKind() != ']'; i++ {
		var element Shape
		if elements != nil {
			var err error
			if element, err = elements.Element(i); err != nil {
				return err
			}
		}
		if err := w.value(element); err != nil {
			return err
		}
	}
	return w.end()
}

// count counts what takes memory once it is decoded.
func (w *walker) count(what string) error {
	if w.structs--; w.structs < 0 {
		return fmt.Errorf("holds more %s than one for each %d bytes", what, minObject)
	}
	return nil
}

func (w *walker) object(s Shape) error {
	g, _ := s.(*goShape)
	if g != nil && g.fields != nil {
		if err := w.count("objects"); err != nil {
			return err
		}
	}
	members, _ := s.(ObjectShape)
	for w.PeekKind() != '}' {
		if g != nil && g.t.Kind() == reflect.Map {
			if err := w.count("names"); err != nil {
				return err
			}
		}
		name, err := w.token()
		if err != nil {
			return err
		}
		var member Shape
		if members != nil {
			if member, err = members.Member(name.String()); err != nil {
				return err
			}
		}
		if err := w.write(w.name(name, s)); err != nil {
			return err
		}
		if err := w.value(member); err != nil {
			return err
		}
	}
	return w.end()
}

// name returns the one name of a member.
func (w *walker) name(tok jsontext.Token, s Shape) jsontext.Token {
	several, ok := s.(AliasShape)
	if !ok {
		return tok
	}
	one := several.Name(tok.String())
	if one == tok.String() {
		return tok
	}
	w.respelled = true
	return jsontext.String(one)
}

// end reads the end of an object or array.
func (w *walker) end() error {
	tok, err := w.token()
	if err != nil {
		return err
	}
	return w.write(tok)
}

// goShape is the shape of what a Go type decodes: structs know their names,
// maps (annotations, labels) have any. The kinds of values are left to the
// decoder.
type goShape struct {
	t      reflect.Type            // no pointer
	fields map[string]reflect.Type // of a struct, nil otherwise
}

var shapes sync.Map // reflect.Type to *goShape

func shapeOf(t reflect.Type) Shape {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if s, ok := shapes.Load(t); ok {
		return s.(*goShape)
	}
	g := &goShape{t: t}
	if t.Kind() == reflect.Struct {
		g.fields = fieldsOf(t)
	}
	s, _ := shapes.LoadOrStore(t, g)
	return s.(*goShape)
}

func (g *goShape) Value(jsontext.Token) error { return nil }

func (g *goShape) Element(int) (Shape, error) {
	if g.t.Kind() != reflect.Slice {
		return nil, nil
	}
	return shapeOf(g.t.Elem()), nil
}

func (g *goShape) Member(name string) (Shape, error) {
	if g.t.Kind() == reflect.Map {
		return shapeOf(g.t.Elem()), nil
	}
	if t, ok := g.fields[name]; ok {
		return shapeOf(t), nil
	}
	for known := range g.fields {
		if strings.EqualFold(known, name) {
			return nil, fmt.Errorf("name %.100q is a case variant of %q", name, known)
		}
	}
	return nil, nil
}

// fieldsOf returns the names that a struct decodes, with their types.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	m := make(map[string]reflect.Type)
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			maps.Copy(m, fieldsOf(f.Type)) // the members belong to the outer object
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		if name != "-" && f.IsExported() {
			m[name] = f.Type
		}
	}
	return m
}
