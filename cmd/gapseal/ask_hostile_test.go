package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify"
)

// What is typed is a text, whatever YAML would take it for.
func TestInterviewTakesAnswersAsText(t *testing.T) {
	for _, answer := range []string{`"`, `\`, `a\nb`, `*x`, `&x y`, `!!int 7`, `{a: b}`, `[`, `a: b`, `- a`, `# no comment`, `%TAG`, `---`, `null`, `~`, `yes`, `<b>&`, `é 😀 漢`, `\u0022,"operator":"x`, `'`, `|`, `>`, "a\tb", "a\u2028b", `0x1F`, `1e400`, "a\x1b[2J", `\ud800`} {
		var out bytes.Buffer
		o := &verify.Options{Policy: &verify.Policy{Transfer: []string{"id", "operator"}}}
		if err := (&transfer{}).interview(o, strings.NewReader(answer+"\nB. Brown\nB. Brown\nB. Brown\n"), &out); err != nil {
			t.Errorf("%q: %v", answer, err)
			continue
		}
		if r := o.Transfer; string(r.ID) != answer || r.Operator != "B. Brown" {
			t.Errorf("%q is taken as %q, by %q\n%s", answer, r.ID, r.Operator, &out)
		}
	}
}
