package verify

import (
	"testing"

	"github.com/gapseal/gapseal/oci"
)

// FuzzTextCheck wants the same answer as of the whole text, however it is cut.
func FuzzTextCheck(f *testing.F) {
	f.Add([]byte(`{"name":"größe €😀"}`), uint8(1))
	f.Add([]byte("\x1f\x8b\x08"), uint8(2))
	f.Add([]byte("ab\xe2\x82"), uint8(3))
	f.Add([]byte("ab\xff"), uint8(1))
	f.Add([]byte("a\x00b"), uint8(7))
	f.Fuzz(func(t *testing.T, raw []byte, size uint8) {
		c := &textCheck{}
		for rest := raw; len(rest) > 0; {
			n := min(len(rest), 1+int(size))
			_, _ = c.Write(rest[:n])
			rest = rest[n:]
		}
		if c.holds() != oci.IsText(raw) {
			t.Errorf("in pieces %v, as a whole %v", c.holds(), oci.IsText(raw))
		}
	})
}
