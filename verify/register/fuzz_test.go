package register

import (
	"bytes"
	"testing"
)

// FuzzEntry checks that any accepted entry has the one spelling, and is refused
// with another byte at its end.
func FuzzEntry(f *testing.F) {
	for _, raw := range chain(f, 4, nil) {
		f.Add(raw)
	}
	f.Add([]byte(`{"schema":"gapseal.register/v1","number":1,"images":[],"digest":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := Parse(raw)
		if err != nil {
			return
		}
		if again := encoded(t, e); !bytes.Equal(again, raw) {
			t.Errorf("accepted %q, which is written %q", raw, again)
		}
		if _, err := Parse(append(bytes.Clone(raw), ' ')); err == nil {
			t.Error("accepted with a byte more")
		}
	})
}

// FuzzExport checks that an input is taken for a whole export only if it consists
// of its entries.
func FuzzExport(f *testing.F) {
	for n := range int64(4) {
		f.Add(bytes.Join(exported(f, chain(f, n, nil)), nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		res, err := CheckExport(t.Context(), bytes.NewReader(raw))
		if err != nil || !res.Whole() {
			return
		}
		lines := bytes.SplitAfter(raw, []byte("\n"))
		for i, line := range lines[1 : len(lines)-1] {
			if _, err := parseNumbered(int64(i+1), line); err != nil {
				t.Errorf("line %d: %v", i+2, err)
			}
		}
	})
}
