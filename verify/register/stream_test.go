package register

import (
	"bytes"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/verify/report"
)

// A report that is written and read in pieces is spelled as one string is, wherever
// the pieces end.
func TestReportsInPieces(t *testing.T) {
	for _, unit := range []string{"a", `"`, `\`, "\x01", "é", "\u2028", "\U0001f512", `a\\"é` + "\x1f\U0001f512"} {
		for shift := range 7 {
			text := strings.Repeat("x", shift) + strings.Repeat(unit, 3*piece/len(unit))
			rec := sample(1)
			quoted, err := strict.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			rec.Report = bytes.Replace(rec.Report, []byte(`{`), append(append([]byte(`{"x": `), quoted...), ','), 1)
			e := rec.entry(1, nothing)
			e.Report = string(rec.Report)
			raw := encoded(t, e)
			whole, err := strict.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.HasPrefix(raw, whole[:len(whole)-1]) {
				t.Fatalf("%q after %d: spelled otherwise than as a whole", unit, shift)
			}
			s, err := scan(bytes.NewReader(raw), int64(len(raw)))
			if err != nil || s.digest != digestOf(raw) {
				t.Errorf("%q after %d: %v", unit, shift, err)
			}
			if got, err := Parse(raw); err != nil || got.Report != e.Report {
				t.Errorf("%q after %d: Parse: %v", unit, shift, err)
			}
		}
	}
}

// What is read in pieces is accepted only if it is accepted as a whole.
func TestScanAcceptsWhatParseAccepts(t *testing.T) {
	raw := chain(t, 1, nil)[0]
	if _, err := scan(bytes.NewReader(raw), int64(len(raw))); err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		for _, b := range []byte{raw[i] ^ 1, '"', '\\', ',', ' '} {
			if b == raw[i] {
				continue
			}
			changed := bytes.Clone(raw)
			changed[i] = b
			if _, err := scan(bytes.NewReader(changed), int64(len(changed))); err == nil {
				t.Fatalf("byte %d as %q is accepted", i, b)
			}
		}
		if _, err := scan(bytes.NewReader(raw[:i]), int64(i)); err == nil {
			t.Fatalf("%d bytes of it are accepted", i)
		}
	}
	if _, err := scan(bytes.NewReader(append(raw, ' ')), int64(len(raw))); err == nil {
		t.Error("accepted with a byte more")
	}
}

// The outline of a report is refused for what the report is refused for.
func TestOutline(t *testing.T) {
	doc := string(sample(1).Report)
	for name, changed := range map[string]string{
		"as it is":           doc,
		"another schema":     strings.Replace(doc, "report/v1", "report/v2", 1),
		"a name twice":       strings.Replace(doc, `{`, `{"verdict":"rejected",`, 1),
		"a name in capitals": strings.Replace(doc, `{`, `{"Verdict":"rejected",`, 1),
		"a contradiction":    strings.Replace(doc, `"verified"`, `"rejected"`, 1),
		"more after the end": doc + "{}",
		"cut off":            doc[:len(doc)/2],
	} {
		_, err := report.Parse([]byte(changed))
		if _, got := report.Outline(strings.NewReader(changed)); (got == nil) != (err == nil) {
			t.Errorf("%s: %v, and of the whole report %v", name, got, err)
		}
	}
}
