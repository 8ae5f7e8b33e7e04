package strict

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// ErrTooMany reports that a list of a [List] shape has more elements than it
// may have.
var ErrTooMany = errors.New("too many elements")

// Shapes of a value that must be a string: any, or one that is the only spelling
// of bytes in base64 or of an integer in decimal.
var (
	Text        Shape = scalar{anyText}
	Base64Text  Shape = scalar{base64Text}
	IntegerText Shape = scalar{integerText}
)

// Object returns the shape of an object that may have these members and no
// others. All of them are optional.
func Object(members map[string]Shape) Shape { return object(members) }

// List returns the shape of an array of at most so many elements, each of the
// shape of.
func List(of Shape, most int) Shape { return &list{of, most} }

type object map[string]Shape

func (o object) Value(tok jsontext.Token) error {
	if tok.Kind() != '{' {
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

type list struct {
	of   Shape
	most int
}

func (l *list) Value(tok jsontext.Token) error {
	if tok.Kind() != '[' {
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

type scalar struct{ judge func(text string) error }

func (s scalar) Value(tok jsontext.Token) error {
	if tok.Kind() != '"' {
		return errors.New("want a string")
	}
	return s.judge(tok.String())
}

func anyText(string) error { return nil }

func base64Text(text string) error {
	_, err := Base64(text)
	return err
}

func integerText(text string) error {
	if n, err := strconv.ParseInt(text, 10, 64); err != nil || strconv.FormatInt(n, 10) != text {
		return fmt.Errorf("want a plain integer in a string, found %.100q", text)
	}
	return nil
}
