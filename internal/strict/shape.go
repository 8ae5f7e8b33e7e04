package strict

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrTooMany reports that a list of a [List] shape has more elements than it
// may have.
var ErrTooMany = errors.New("too many elements")

// Shapes of a value that must be a string, or null for what is absent. Base64Text
// is one that [Base64] decodes; its one spelling is the standard alphabet with
// padding.
var (
	Text       Shape = text{}
	Base64Text Shape = base64Text{}
)

// Object returns the shape of an object that may have these members and no
// others. All of them are optional, and null stands for an absent one.
func Object(members map[string]Shape) Shape { return object(members) }

// OpenObject is like [Object], but the object may have members of other names too,
// unless they differ only in case from one of these.
func OpenObject(members map[string]Shape) Shape { return openObject{object(members)} }

// List returns the shape of an array of at most so many elements, each of the
// shape of.
func List(of Shape, most int) Shape { return &list{of, most} }

type object map[string]Shape

func (o object) Value(tok jsontext.Token) error {
	if kind := tok.Kind(); kind != '{' && kind != 'n' {
		return errors.New("want an object")
	}
	return nil
}

func (o object) Member(name string) (Shape, error) {
	if s, ok := o[name]; ok {
		return s, nil
	}
	known := strings.Join(slices.Sorted(maps.Keys(o)), ", ")
	return nil, fmt.Errorf("unknown member %.100q, want one of %s", name, known)
}

type openObject struct{ object }

func (o openObject) Member(name string) (Shape, error) {
	if s, ok := o.object[name]; ok {
		return s, nil
	}
	for known := range o.object {
		if strings.EqualFold(known, name) {
			return nil, fmt.Errorf("name %.100q is a case variant of %q", name, known)
		}
	}
	return nil, nil
}

type list struct {
	of   Shape
	most int
}

func (l *list) Value(tok jsontext.Token) error {
	if kind := tok.Kind(); kind != '[' && kind != 'n' {
		return errors.New("want an array")
	}
	return nil
}

func (l *list) Element(i int) (Shape, error) {
	if i == l.most {
		return nil, tooMany(l.most)
	}
	return l.of, nil
}

type tooMany int

func (e tooMany) Error() string        { return fmt.Sprintf("more than %d elements", int(e)) }
func (e tooMany) Is(target error) bool { return target == ErrTooMany }

type text struct{}

func (text) Value(tok jsontext.Token) error {
	if kind := tok.Kind(); kind != '"' && kind != 'n' {
		return errors.New("want a string")
	}
	return nil
}

type base64Text struct{ text }

func (t base64Text) Value(tok jsontext.Token) error {
	if err := t.text.Value(tok); err != nil || tok.Kind() == 'n' {
		return err
	}
	_, err := Base64(tok.String())
	return err
}

func (base64Text) Spelling(tok jsontext.Token) (one jsontext.Token, differs bool) {
	text := tok.String()
	if tok.Kind() == 'n' {
		return tok, false
	}
	if len(text)%4 == 0 && !strings.ContainsAny(text, "-_\r\n") {
		return tok, false
	}
	raw, _ := Base64(text) // which Value has accepted
	return jsontext.String(base64.StdEncoding.EncodeToString(raw)), true
}
