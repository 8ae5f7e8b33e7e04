package strict_test

import (
	"bytes"
	"testing"

	"github.com/gapseal/gapseal/internal/strict"
)

func TestBase64(t *testing.T) {
	for _, s := range []string{"", "AA==", "AAA=", "AAAA", "//+/"} {
		if _, err := strict.Base64(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"A", "AA", "AA=", "AB==", "AAB=", "AA==\n", "\nAAAA", "AAAA\r\n", "AA AA", "__-_",
		"AA==AA==", "AA==x"} {
		if b, err := strict.Base64(s); err == nil {
			t.Errorf("%q: decoded to %x", s, b)
		}
	}
	if b, _ := strict.Base64("c2lnbmVk"); !bytes.Equal(b, []byte("signed")) {
		t.Errorf("decoded to %q", b)
	}
}

func TestCompact(t *testing.T) {
	for text, want := range map[string]bool{
		`{"b":1,"a":"<"}`: true, `{"a":"\u003c\u2028"}`: true, `"—"`: true, `"\n\u0001"`: true,
		`{"a":"\u003C"}`: false, `{"a": 1}`: false, `{"a":1, "b":2}`: false, `"\u0061"`: false, `"\/"`: false, `{"a":1}` + "\n": false, ``: false, `{`: false,
	} {
		if got := strict.Compact([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestCompactProto(t *testing.T) {
	for text, want := range map[string]bool{
		`{"a":"1","b":["2","3"]}`: true, `{"a":"1", "b":["2", "3"]}`: true,
		`{"a":"1", "b":["2","3"]}`: false, `{"a": "1"}`: false, `{ "a":"1"}`: false, `{"a":"\u0061"}`: false,
	} {
		if got := strict.CompactProto([]byte(text)); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}
