package strict

import (
	"bytes"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Marshal writes one of gapseal's own documents the one way it may be written:
// members in the order of the Go type, no white space, a list without elements
// as [], and nothing escaped that need not be. The error is that of a type
// which JSON cannot hold.
func Marshal(v any) ([]byte, error) {
	return json.Marshal(v, own...)
}

// MarshalTo is [Marshal] into a buffer, which the caller gives room for a large
// document, so that memory does not hold several copies of it.
func MarshalTo(b *bytes.Buffer, v any) error {
	return json.MarshalWrite(b, v, own...)
}

var own = []json.Options{json.FormatNilSliceAsNull(false), json.Deterministic(true), jsontext.EscapeForHTML(false)}

// UnmarshalOwn decodes into v, a pointer to a struct, what [Marshal] wrote of
// such a struct. Any other spelling is an error, even of the same content.
func UnmarshalOwn(raw []byte, v any) error {
	if err := UnmarshalKnown(raw, v); err != nil {
		return err
	}
	again, err := Marshal(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, again) {
		return fmt.Errorf("is not in canonical form (it differs at byte %d)", FirstDifference(raw, again))
	}
	return nil
}

// FirstDifference returns the first index at which a and b differ.
func FirstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
