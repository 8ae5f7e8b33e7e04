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
