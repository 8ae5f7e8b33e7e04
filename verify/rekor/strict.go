package rekor

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxInteger is the largest integer that canonical JSON can hold: RFC 8785
// writes numbers as IEEE 754 doubles, and the log would sign a rounded value.
const maxInteger = 1<<53 - 1

// reader takes strict JSON apart. Its first error sticks, and the values it
// returns after that are empty.
type reader struct{ err error }

func (r *reader) fail(what, format string, args ...any) {
	if r.err == nil {
		r.err = malformed(what, format, args...)
	}
}

// depth refuses nesting beyond MaxDepth. Syntax is judged by object.
func (r *reader) depth(raw []byte, what string) {
	for dec := jsontext.NewDecoder(bytes.NewReader(raw)); r.err == nil; {
		_, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			r.fail(what, "want JSON: %v", err)
		} else if d := dec.StackDepth(); d > MaxDepth {
			r.err = tooLarge(what+": JSON nesting", d, MaxDepth)
		}
	}
}

// object returns the values of the members names, in that order, of an object
// that has these members and no others.
func (r *reader) object(raw []byte, what string, names ...string) []jsontext.Value {
	members := r.members(raw, what)
	values := r.take(members, what, names)
	r.none(members, what, names)
	return values
}

// objectWith is object for one that may have a further member, which is nil if
// it has not.
func (r *reader) objectWith(raw []byte, what, optional string, names ...string) ([]jsontext.Value, jsontext.Value) {
	members := r.members(raw, what)
	values := r.take(members, what, names)
	extra := members[optional]
	delete(members, optional)
	r.none(members, what, append([]string{optional}, names...))
	return values, extra
}

// objectOr is object for one that has exactly one of the members choice as
// well: its value comes last, and its place in choice is the second result.
func (r *reader) objectOr(raw []byte, what string, choice []string, names ...string) ([]jsontext.Value, int) {
	members := r.members(raw, what)
	i := 0
	for j, name := range choice {
		if _, ok := members[name]; ok {
			i = j
		}
	}
	names = append(names, choice[i])
	values := r.take(members, what, names)
	r.none(members, what, names)
	return values, i
}

func (r *reader) members(raw []byte, what string) (members map[string]jsontext.Value) {
	if r.err != nil {
		return nil
	}
	if err := json.Unmarshal(raw, &members); err != nil {
		r.fail(what, "want a JSON object, each member once and nothing after it: %v", err)
	}
	return members
}

// take removes the members names from members.
func (r *reader) take(members map[string]jsontext.Value, what string, names []string) []jsontext.Value {
	values := make([]jsontext.Value, len(names))
	for i, name := range names {
		value, ok := members[name]
		if !ok {
			r.fail(what, "member %q is missing", name)
		}
		values[i] = value
		delete(members, name)
	}
	return values
}

func (r *reader) none(members map[string]jsontext.Value, what string, names []string) {
	if len(members) > 0 {
		r.fail(what, "unknown member %q, want only %q", firstName(members), names)
	}
}

// only returns the one element of an array.
func (r *reader) only(raw jsontext.Value, what string) jsontext.Value {
	if r.err != nil {
		return nil
	}
	var elements []jsontext.Value
	if err := json.Unmarshal(raw, &elements); err != nil {
		r.fail(what, "want an array: %v", err)
		return nil
	}
	if len(elements) != 1 {
		r.fail(what, "want exactly one, found %d", len(elements))
		return nil
	}
	return elements[0]
}

// firstName makes the message the same on every run.
func firstName(members map[string]jsontext.Value) string {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	return slices.Min(names)
}

func (r *reader) text(raw jsontext.Value, what string) (s string) {
	if r.err != nil {
		return ""
	}
	if raw.Kind() != '"' {
		r.fail(what, "want a string, found %s", raw)
		return ""
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		r.fail(what, "want a string: %v", err)
	}
	return s
}

func (r *reader) integer(raw jsontext.Value, what string, least int64) int64 {
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < least || n > maxInteger || strconv.FormatInt(n, 10) != string(raw) {
		r.fail(what, "want a plain integer from %d to %d, found %s", least, int64(maxInteger), raw)
	}
	return n
}

func (r *reader) base64(raw jsontext.Value, what string) []byte {
	return r.decode64(r.text(raw, what), what)
}

// decode64 refuses the empty string and every spelling but the canonical one:
// the decoder alone lets newlines and loose trailing bits pass.
func (r *reader) decode64(s, what string) []byte {
	if r.err != nil {
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		r.fail(what, "want standard base64: %v", err)
	} else if len(b) == 0 || base64.StdEncoding.EncodeToString(b) != s {
		r.fail(what, "want canonical base64 of at least one byte, no white space, no loose trailing bits")
	}
	return b
}
