package report

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestVisibleJSONIsTheSameDocument(t *testing.T) {
	in := `{"a\u001b": "` + "\u009b1m \u202e \U000e0041 \x7f \u2028 ü" + `",` + "\n" + ` "b": [1]}`
	out := visibleJSON([]byte(in))
	if want := `{"a\u001b": "\u009b1m \u202e \udb40\udc41 \u007f \u2028 ü",` + "\n" + ` "b": [1]}`; string(out) != want {
		t.Errorf("visibleJSON = %s, want %s", out, want)
	}
	var before, after any
	if err := json.Unmarshal([]byte(in), &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &after); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}
