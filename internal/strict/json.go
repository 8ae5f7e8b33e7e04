// Package strict reads JSON documents that decide about trust. Beyond
// RFC 8259 it refuses what lets two readers of one document see two things:
// names that stand twice, names that differ only in case from one the reader
// knows, a byte order mark, anything after the document, and deep nesting.
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
)

// MaxDepth is how deep objects and arrays may nest.
const MaxDepth = 64

// ErrTooDeep says that a document nests deeper than [MaxDepth].
var ErrTooDeep = fmt.Errorf("nests deeper than %d levels", MaxDepth)

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
	if bytes.HasPrefix(raw, []byte("\xef\xbb\xbf")) {
		return errors.New("begins with a byte order mark")
	}
	if err := walk(raw, reflect.TypeOf(v).Elem()); err != nil {
		return clip(err)
	}
	return clip(json.Unmarshal(raw, v, opts...))
}

// clip keeps a hostile name from flooding a message.
func clip(err error) error {
	const most = 300
	if err == nil || len(err.Error()) <= most {
		return err
	}
	return errors.New(strings.ToValidUTF8(err.Error()[:most], "") + "…")
}

// walk reads the document token by token beside the Go type it will be decoded
// into, so that free-form maps (annotations, labels) keep any name they like.
func walk(raw []byte, t reflect.Type) error {
	d := &decoder{jsontext.NewDecoder(bytes.NewReader(raw)), slack + len(raw)/minObject}
	if err := d.value(t); err != nil {
		return err
	}
	if _, err := d.ReadToken(); err != io.EOF {
		return errors.New("carries data after the end of the document")
	}
	return nil
}

// An object that is decoded into a struct costs memory even if it is empty, so
// that a document of nothing but {} grows by fifty times. Honest ones take far
// more than minObject bytes each.
const (
	minObject = 32
	slack     = 64
)

type decoder struct {
	*jsontext.Decoder
	structs int // how many more objects may be decoded into structs
}

func (d *decoder) value(t reflect.Type) error {
	tok, err := d.ReadToken()
	if err != nil {
		return err
	}
	switch tok.Kind() {
	case '{', '[':
		if d.StackDepth() > MaxDepth {
			return ErrTooDeep
		}
		if tok.Kind() == '{' {
			return d.object(t)
		}
		return d.array(elemOf(t, reflect.Slice))
	}
	return nil
}

func (d *decoder) array(elem reflect.Type) error {
	for d.PeekKind() != ']' {
		if err := d.value(elem); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

func (d *decoder) object(t reflect.Type) error {
	if t = deref(t); t != nil && t.Kind() == reflect.Struct {
		if d.structs--; d.structs < 0 {
			return fmt.Errorf("holds more objects than one for each %d bytes", minObject)
		}
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		next, err := member(t, name.String())
		if err != nil {
			return err
		}
		if err := d.value(next); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

var fieldCache sync.Map // reflect.Type to map[string]reflect.Type

// member returns the type a member decodes into, nil if nothing reads it.
func member(t reflect.Type, name string) (reflect.Type, error) {
	if t = deref(t); t == nil {
		return nil, nil
	}
	if t.Kind() == reflect.Map {
		return t.Elem(), nil
	}
	if t.Kind() != reflect.Struct {
		return nil, nil
	}
	fields := fieldsOf(t)
	if ft, ok := fields[name]; ok {
		return ft, nil
	}
	for known := range fields {
		if strings.EqualFold(known, name) {
			return nil, fmt.Errorf("name %.100q is a case variant of %q", name, known)
		}
	}
	return nil, nil
}

func elemOf(t reflect.Type, k reflect.Kind) reflect.Type {
	if t = deref(t); t != nil && t.Kind() == k {
		return t.Elem()
	}
	return nil
}

func deref(t reflect.Type) reflect.Type {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if m, ok := fieldCache.Load(t); ok {
		return m.(map[string]reflect.Type)
	}
	m := make(map[string]reflect.Type)
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous && f.Type.Kind() == reflect.Struct {
			maps.Copy(m, fieldsOf(f.Type)) // its members stand in the outer object
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
	fieldCache.Store(t, m)
	return m
}
