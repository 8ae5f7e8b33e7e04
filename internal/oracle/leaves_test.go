package oracle

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// leaf is a string value at text[lo:hi] of a JSON text, quotes included.
type leaf struct {
	path   string // JSON Pointer; " > " separates the pointer within JSON in base64, as in package fixture
	lo, hi int
	value  string
}

// leaves lists the string values of a JSON text, but not its names.
func leaves(text []byte) (list []leaf) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			return list
		}
		kind, n := dec.StackIndex(dec.StackDepth())
		if tok.Kind() != '"' || kind == '{' && n%2 == 1 { // a name
			continue
		}
		value, hi := tok.String(), int(dec.InputOffset())
		lo := hi - len(strconv.Quote(value))
		for ; text[lo] != '"' || !same(text[lo:hi], value); lo-- {
		}
		list = append(list, leaf{string(dec.StackPointer()), lo, hi, value})
	}
}

func same(quoted []byte, value string) bool {
	s, err := jsontext.AppendUnquote(nil, quoted)
	return err == nil && string(s) == value
}

// with returns the text with another value at l.
func (l leaf) with(text []byte, value string) []byte {
	quoted, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return slices.Concat(text[:l.lo], quoted, text[l.hi:])
}

// binary returns the bytes that a leaf holds in base64, and a function that
// encodes changed bytes. For other text it returns the text itself.
func (l leaf) binary() (raw []byte, encode func([]byte) string) {
	raw, err := base64.StdEncoding.DecodeString(l.value)
	if err == nil && len(raw) > 16 {
		return raw, base64.StdEncoding.EncodeToString
	}
	return []byte(l.value), func(b []byte) string { return string(b) }
}

// isJSON reports whether raw is a JSON object.
func isJSON(raw []byte) bool { return bytes.HasPrefix(raw, []byte("{")) && json.Valid(raw) }

// inner returns the full path of a leaf within the document that l holds.
func (l leaf) inner(path string) string { return strings.Join([]string{l.path, path}, " > ") }
