package register

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"testing"

	"github.com/gapseal/gapseal/verify/report"
)

// A register that version 0.1.0 wrote can still be read and checked. It must never
// be written again with a later version.
func TestARegisterOfAnEarlierVersion(t *testing.T) {
	f, err := os.Open("testdata/before.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	res, err := CheckExport(t.Context(), bytes.NewReader(raw))
	if err != nil || !res.Whole() || res.Entries != 2 {
		t.Fatalf("CheckExport: %+v, %v", res, err)
	}
	entries := bytes.SplitAfter(raw, []byte("\n"))[1:3]
	for _, line := range entries {
		e, err := Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := report.Parse([]byte(e.Report))
		if err != nil || rep.Verdict != e.Verdict || len(e.Images) != 2 || e.Seal == nil {
			t.Errorf("entry %d: %v", e.Number, err)
		}
	}
	r := folder(t, entries)
	appended(t, r, 3)
	if res, err := r.Check(t.Context()); err != nil || !res.Whole() {
		t.Errorf("with another entry: %+v, %v", res, err)
	}
}

// An id with characters that JSON may or must escape is spelled as it always was.
func TestSpellingOfATransferID(t *testing.T) {
	rec := sample(1)
	rec.TransferID = "a<&>\u2028é\uFFFD\x01\"/🔒"
	entry := rec.entry(1, nothing)
	entry.Report = string(rec.Report)
	raw := encoded(t, entry)
	if want := `"transferID":"a<&>` + "\u2028é\uFFFD" + `\u0001\"/🔒",`; !bytes.Contains(raw, []byte(want)) {
		t.Errorf("want %s in %s", want, raw)
	}
	if e, err := Parse(raw); err != nil || string(e.TransferID) != rec.TransferID {
		t.Errorf("Parse: %+v, %v", e, err)
	}
}
