package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify"
)

// The interview takes what a file would be taken for, and asks again otherwise.
func TestInterview(t *testing.T) {
	answers := strings.Join([]string{"T-7", "sideways", "import", "", "yes", "dirty", "clean"}, "\n") + "\n"
	o := &verify.Options{Policy: &verify.Policy{Transfer: []string{"id", "direction", "operator", "media.writeProtected", "scan.destination"}}}
	var out bytes.Buffer
	if err := (&transfer{}).interview(o, strings.NewReader(answers), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	r := o.Transfer
	if r.ID != "T-7" || r.Direction != "import" || r.Operator != "" || r.Media.WriteProtected == nil || !*r.Media.WriteProtected || r.Scan.Destination != "clean" {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"Direction (direction), import or export: ", "want one of import, export, found \"sideways\"", "want one of clean, infected, failed, not-done, found \"dirty\""} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	if err := (&transfer{}).interview(o, strings.NewReader("T-7\n"), &out); err == nil {
		t.Error("questions without answers are taken for a record")
	}
}

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
