package strict_test

import (
	"bytes"
	"testing"

	"github.com/gapseal/gapseal/internal/strict"
)

func TestBase64(t *testing.T) {
	for _, s := range []string{"", "AA==", "AAA=", "AAAA", "//+/", "__-_", "AA", "AAA", "AA==\n", "\nAAAA", "AAAA\r\n",
		"AA\r\nAA", "AA=\n=", "A\nA"} {
		if _, err := strict.Base64(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"A", "AA=", "AB==", "AB", "AAB=", "AA AA", "_/-+", "AA==AA==", "AA==x", "AA==\n=", "\t"} {
		if b, err := strict.Base64(s); err == nil {
			t.Errorf("%q: decoded to %x", s, b)
		}
	}
	if b, _ := strict.Base64("c2lnbmVk"); !bytes.Equal(b, []byte("signed")) {
		t.Errorf("decoded to %q", b)
	}
}
