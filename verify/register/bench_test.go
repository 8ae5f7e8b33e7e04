package register

import (
	"bytes"
	"testing"
)

// BenchmarkHighWater reads a register of 10,000 entries with reports of 16 KiB,
// which is what a bundle of one image makes.
func BenchmarkHighWater(b *testing.B) {
	pad := bytes.Repeat([]byte(`{"id":"blob.digest","class":"blob","status":"pass"},`+"\n"), 16<<10/53)
	padded := append(append([]byte(`{"checks":[`), bytes.TrimSuffix(pad, []byte(",\n"))...), "],"...)
	r := folder(b, chain(b, 10_000, func(e *Entry) {
		e.Report = string(padded) + e.Report[1:]
		e.ReportDigest = digestOf([]byte(e.Report))
	}))
	b.ReportAllocs()
	for b.Loop() {
		r.marks.forget()
		if _, _, number, err := r.HighWater(id("key", 0), "site-a"); err != nil || number != 10_000 {
			b.Fatal(number, err)
		}
	}
}

// BenchmarkAppend adds to a register of 10,000 entries.
func BenchmarkAppend(b *testing.B) {
	r := folder(b, chain(b, 10_000, nil))
	for b.Loop() {
		if _, err := r.Append(b.Context(), sample(1)); err != nil {
			b.Fatal(err)
		}
	}
}
