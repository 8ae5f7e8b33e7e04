package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/policy"
)

// The interview takes the answers that a file could have, and asks again after others.
func TestInterview(t *testing.T) {
	answers := "T-7\nsideways\nimport\n\nB. Brown\ntrue\nyes\ndirty\nclean\n"
	required := []string{"id", "direction", "operator", "media.writeProtected", "scan.destination"}
	o := &verify.Options{Policy: &verify.Policy{Transfer: required}}
	var out bytes.Buffer
	if err := (&transfer{}).interview(o, strings.NewReader(answers), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	r := o.Transfer
	protected := r.Media.WriteProtected
	if r.ID != "T-7" || r.Direction != "import" || r.Operator != "B. Brown" ||
		protected == nil || !*protected || r.Scan.Destination != "clean" {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{
		"Direction (direction), import or export: ", "want one of import, export, found \"sideways\"",
		"want one of clean, infected, failed, not-done, found \"dirty\"", "the policy requires an answer",
		"want yes or no, found \"true\"",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	if kept := keptRecord(t, &out); !reflect.DeepEqual(kept, r) {
		t.Errorf("what is shown to be kept is %+v, want %+v", kept, r)
	}
	if err := (&transfer{}).interview(o, strings.NewReader("T-7\n"), &out); err == nil {
		t.Error("questions without answers make a record")
	}
}

// keptRecord reads the last line as a file for --transfer.
func keptRecord(t *testing.T, out *bytes.Buffer) *verify.Transfer {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	r, err := policy.ParseTransfer([]byte(lines[len(lines)-1]))
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	return r
}

// Without a policy that requires fields, the interview asks for all, and each may
// be left out.
func TestInterviewOfEverything(t *testing.T) {
	for _, p := range []*verify.Policy{nil, {}} {
		var out bytes.Buffer
		o := &verify.Options{Policy: p}
		fields := len((*verify.Transfer)(nil).Fields())
		answers := strings.NewReader("T-8" + strings.Repeat("\n", fields))
		if err := (&transfer{}).interview(o, answers, &out); err != nil || o.Transfer.ID != "T-8" {
			t.Errorf("%v, %+v", err, o.Transfer)
		}
	}
}

// An answer is a text, whatever YAML would read it as.
func TestInterviewTakesAnswersAsText(t *testing.T) {
	for _, answer := range []string{
		`"`, `\`, `a\nb`, `*x`, `&x y`, `!!int 7`, `{a: b}`, `[`, `a: b`, `- a`, `# no comment`, `%TAG`, `---`, `null`,
		`~`, `yes`, `<b>&`, `é 😀 漢`, `\u0022,"operator":"x`, `'`, `|`, `>`, "a\tb", "a\u2028b", `0x1F`, `1e400`,
		"a\x1b[2J", `\ud800`,
	} {
		var out bytes.Buffer
		o := &verify.Options{Policy: &verify.Policy{Transfer: []string{"id", "operator"}}}
		answers := strings.NewReader(answer + "\nB. Brown\nB. Brown\nB. Brown\n")
		if err := (&transfer{}).interview(o, answers, &out); err != nil {
			t.Errorf("%q: %v", answer, err)
			continue
		}
		r := o.Transfer
		if string(r.ID) != answer || r.Operator != "B. Brown" || !reflect.DeepEqual(keptRecord(t, &out), r) {
			t.Errorf("%q is taken as %q, by %q\n%s", answer, r.ID, r.Operator, &out)
		}
	}
}
