package strict_test

import (
	"bytes"
	stdjson "encoding/json"
	"reflect"
	"testing"

	"github.com/gapseal/gapseal/internal/strict"
)

// FuzzStrictJSON compares what is accepted with the standard library's lenient
// decoder, which must accept it too and see the same thing. Otherwise two readers
// of one document would see two things.
func FuzzStrictJSON(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"kind":"k","Plain":1,"layers":[{"digest":"d","annotations":{"a":"b"}}],"subject":{"digest":"d"}}`,
		`{"kind":"a","KIND":"b"}`, `{"layer\u017f":[]}`, "\xef\xbb\xbf{}", `{}{}`, `{"x":[[[[1]]]]}`, `{"kind":null}`, `[]`, `{"kind":"\ud800"}`, ` {"Plain":-0} `,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		type flat struct {
			Kind    string  `json:"kind"`
			Layers  []inner `json:"layers"`
			Subject *inner  `json:"subject"`
			Plain   int
		}
		var got, lenient, known flat
		if err := strict.Unmarshal(raw, &got); err != nil {
			if strict.UnmarshalKnown(raw, &known) == nil {
				t.Errorf("UnmarshalKnown accepts what Unmarshal refuses: %v", err)
			}
			return
		}
		if err := stdjson.Unmarshal(raw, &lenient); err != nil {
			t.Fatalf("accepted, and encoding/json says %v", err)
		}
		if !reflect.DeepEqual(got, lenient) {
			t.Errorf("read as %+v, and by encoding/json as %+v", got, lenient)
		}
		if bytes.Contains(raw, []byte("\x00")) {
			t.Error("accepted a NUL")
		}
	})
}
