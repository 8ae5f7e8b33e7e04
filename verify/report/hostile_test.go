package report

import (
	"encoding/csv"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/gapseal/gapseal/internal/term"
)

// unseen returns the first character that no report for people may hold, except
// for its own line breaks.
func unseen(s string) string {
	for _, r := range s {
		if r != '\n' && !term.Visible(r) {
			return string(r)
		}
	}
	return ""
}

// In every format, nothing invisible from a bundle stays invisible, and no URL
// keeps its password. Only JSON, which is for programs, keeps passwords.
func TestHostileShown(t *testing.T) {
	rep := hostile(t)
	for _, format := range []string{"text", "html", "junit", "csv", "sha256", "sha256-files", "vsa"} {
		got := written(t, format, rep)
		if format == "csv" {
			got = strings.ReplaceAll(got, "\r\n", "\n")
		}
		if bad := unseen(got); bad != "" {
			t.Errorf("%s holds %+q as it is", format, bad)
		}
		if strings.Contains(got, "secret") {
			t.Errorf("%s holds a password", format)
		}
		if strings.Contains(got, "\nVERIFIED") {
			t.Errorf("%s has a line that came from the bundle", format)
		}
	}
	if bad := unseen(written(t, "json", rep)); bad != "" {
		t.Errorf("json holds %+q as it is", bad)
	}
}

// Text from a bundle stays text, wherever it appears in the page.
func TestHostileHTML(t *testing.T) {
	got := written(t, "html", hostile(t))
	selfContained(t, got)
	if !strings.Contains(got, `=cmd|&#39; /C calc&#39;!A0\x1b[2J&lt;/script&gt;&lt;script&gt;alert(1)`) {
		t.Error("the escaped text is missing")
	}
}

// What XML cannot hold is escaped, and the document stays well-formed.
func TestHostileJUnit(t *testing.T) {
	dec := xml.NewDecoder(strings.NewReader(written(t, "junit", hostile(t))))
	found := 0
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if el, ok := tok.(xml.StartElement); ok {
			if el.Name.Local == "script" {
				t.Error("text from the bundle made an element")
			}
			for _, a := range el.Attr {
				if strings.Contains(a.Value, `\x1b[2J</script><script>alert(1)</script>\x00\x0b\u{fffe}"'&]]>\x0d\x0aVERIFIED ../../etc/passwd \u{202e}`) {
					found++
				}
			}
		}
	}
	if found == 0 {
		t.Error("no attribute has the text")
	}
}

// Every record has the columns of the header, and no field begins a formula,
// whichever characters a program skips first.
func TestHostileCSV(t *testing.T) {
	records, err := csv.NewReader(strings.NewReader(written(t, "csv", hostile(t)))).ReadAll()
	if err != nil || len(records) < 2 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for _, rec := range records {
		for _, field := range rec {
			if strings.ContainsAny(first(strings.TrimLeftFunc(field, unicode.IsSpace)), "=+-@\t\r") {
				t.Errorf("the field %q is a formula", field)
			}
		}
	}
}

// A text that is not a digest makes no line, and no name makes a second one.
func TestHostileSums(t *testing.T) {
	rep := hostile(t)
	line := regexp.MustCompile(`^[0-9a-f]{64}  (oci-layout|index\.json|blobs/sha256/[0-9a-f]{64})$`)
	for l := range strings.Lines(written(t, "sha256-files", rep)) {
		if !line.MatchString(strings.TrimSuffix(l, "\n")) {
			t.Errorf("a line reads %q", l)
		}
	}
	for path, want := range map[string]string{
		"../../etc/app.tar": "  app.tar\n", "a\nb": "  a\\nb\n", "a\rb": "  a\\rb\n", `a\b`: `  a\\b` + "\n", "=cmd": "  =cmd\n", "-": "  -\n", "<script>": "  <script>\n",
	} {
		rep.Bundle.Path = path
		sum := strings.TrimPrefix(string(rep.Bundle.FileDigest), "sha256:")
		if strings.Contains(want, `\`) {
			sum = `\` + sum
		}
		if got := written(t, "sha256", rep); got != sum+want {
			t.Errorf("%q: %q, want %q", path, got, sum+want)
		}
	}
}

func TestWithoutUser(t *testing.T) {
	for in, want := range map[string]string{
		"https://user:pw@host/x": "https://host/x", "a https://u@h b oci://x:y@z/": "a https://h b oci://z/", "https://host/a@b": "https://host/a@b",
		"https://a@b@host": "https://host", "dev@example.com": "dev@example.com", "--key=https://u:p@h/k": "--key=https://h/k", "https://host?x=a@b": "https://host?x=a@b",
	} {
		if got := term.WithoutUser(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCell(t *testing.T) {
	for in, want := range map[string]string{
		"=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "  =1": "'  =1", "\t=1": `\x09=1`, "\r=1": `\x0d=1`, "＝1": "'＝1", "－1": "'－1",
		"": "", "a=1": "a=1", "'=1": "'=1", "sha256:0": "sha256:0",
	} {
		if got := cell(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
