package evidence

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// notWritten says why a text that is not as Written asks is refused.
const notWritten = "has white space or odd escapes, which no tool writes"

// Written reports whether raw is JSON as signing tools write it: no white space
// between its parts, and no character spelt in another way than encoders do,
// with or without the escapes that make it safe in a page. What nothing signs
// must leave no room for content between the lines; only the order of members
// is the writer's.
func Written(raw []byte) bool { return written(raw, false) }

// writtenProto is Written for the JSON of protobuf messages: one build of Go's
// protojson puts a space after each comma, another after none.
func writtenProto(raw []byte) bool { return written(raw, false) || written(raw, true) }

func written(raw []byte, spaces bool) bool {
	for _, page := range []bool{false, true} {
		again := jsontext.Value(bytes.Clone(raw))
		err := again.Format(jsontext.EscapeForHTML(page), jsontext.EscapeForJS(page), jsontext.SpaceAfterComma(spaces))
		if err == nil && bytes.Equal(again, raw) {
			return true
		}
	}
	return false
}
