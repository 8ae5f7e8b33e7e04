package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify/register"
	"github.com/gapseal/gapseal/verify/report"
)

// FuzzShowEntry shows reports from a register that somebody else wrote: none
// may end in a panic, or bring a control character to the terminal.
func FuzzShowEntry(f *testing.F) {
	for _, name := range []string{"app:v1", "wrongkey:v1", "unsigned:v1", "keyless:v1"} {
		var b bytes.Buffer
		if err := report.JSON(&b, fixture.Verify(f, fixture.Bundle(f, name), fixture.Options())); err != nil {
			f.Fatal(err)
		}
		f.Add(b.String())
	}
	f.Add(`{"verdict":"rejected","failures":[{}]}`)
	f.Fuzz(func(t *testing.T, doc string) {
		var out bytes.Buffer
		if err := showEntry(&out, &register.Entry{Number: 1, Report: doc}); err != nil {
			return
		}
		if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && (r < ' ' || r == 0x7f) }) {
			t.Errorf("shown: %q", out.String())
		}
	})
}
