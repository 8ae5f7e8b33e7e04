package term

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscape(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"plain":              {"registry.example.com/acme/app:v1", "registry.example.com/acme/app:v1"},
		"letters":            {"Grüße, 世界, e\u0301", "Grüße, 世界, e\u0301"},
		"backslash":          {`C:\keys`, `C:\keys`},
		"escape sequence":    {"\x1b[2J\x1b]0;title\a", `\x1b[2J\x1b]0;title\x07`},
		"line break":         {"a\r\nVERIFIED b", `a\x0d\x0aVERIFIED b`},
		"delete":             {"a\x7f", `a\x7f`},
		"one byte control":   {"\x9b31m", `\x9b31m`},
		"two byte control":   {"\u009b31m", `\u{9b}31m`},
		"invalid UTF-8":      {"a\xff\xc0\xafb", `a\xff\xc0\xafb`},
		"replacement":        {"a\uFFFDb", "a\uFFFDb"},
		"right to left":      {"app\u202egpj.rat", `app\u{202e}gpj.rat`},
		"isolate":            {"a\u2066b\u2069", `a\u{2066}b\u{2069}`},
		"zero width":         {"a\u200bb\ufeffc", `a\u{200b}b\u{feff}c`},
		"line separator":     {"a\u2028b", `a\u{2028}b`},
		"no-break space":     {"a\u00a0b", `a\u{a0}b`},
		"Hangul filler":      {"a\u3164b", `a\u{3164}b`},
		"blank Braille":      {"a\u2800b", `a\u{2800}b`},
		"variation selector": {"a\ufe0fb\U000e0101c", `a\u{fe0f}b\u{e0101}c`},
		"tag character":      {"a\U000e0041b", `a\u{e0041}b`},
	} {
		if got := Escape(c.in); got != c.want {
			t.Errorf("%s: Escape(%q) = %q, want %q", name, c.in, got, c.want)
		}
	}
}

// FuzzEscape checks the properties of what Escape returns by the categories of
// Unicode, not by the way Escape works.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "app:v1", "\x1b[31m", "\u202e\u2066", "\xff\x9b", "a\r\nb", "\u3164\ufe0f", "\uFFFD"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		out := Escape(s)
		if !utf8.ValidString(out) {
			t.Fatalf("Escape(%q) = %q is not UTF-8", s, out)
		}
		for _, r := range out {
			switch {
			case unicode.Is(unicode.C, r):
				t.Fatalf("Escape(%q) = %q holds the control or format character %U", s, out, r)
			case unicode.Is(unicode.Bidi_Control, r):
				t.Fatalf("Escape(%q) = %q holds the bidirectional control %U", s, out, r)
			case unicode.Is(unicode.Z, r) && r != ' ':
				t.Fatalf("Escape(%q) = %q holds the separator %U", s, out, r)
			}
		}
		if again := Escape(out); again != out {
			t.Fatalf("Escape(%q) = %q, and again %q", s, out, again)
		}
	})
}

// FuzzFold checks that folding loses nothing, and that no line is too long or
// begins with what is folded.
func FuzzFold(f *testing.F) {
	f.Add("subject  sha256:4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226 and more than fits", uint8(9))
	f.Add("", uint8(0))
	f.Fuzz(func(t *testing.T, s string, n uint8) {
		s, indent := Escape(s), int(n%40)
		var all string
		for i, line := range strings.Split(strings.TrimSuffix(Fold(s, indent), "\n"), "\n") {
			if utf8.RuneCountInString(line) > columns {
				t.Fatalf("Fold(%q, %d): %q has more than %d columns", s, indent, line, columns)
			}
			if i > 0 && line[:indent] != strings.Repeat(" ", indent) {
				t.Fatalf("Fold(%q, %d): %q is not indented", s, indent, line)
			}
			all += line
		}
		if got, want := strings.ReplaceAll(all, " ", ""), strings.ReplaceAll(s, " ", ""); got != want {
			t.Fatalf("Fold(%q, %d) holds %q, want %q", s, indent, got, want)
		}
	})
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 1 << 20: "1.0 MiB", 64 << 30: "64.0 GiB", 1<<63 - 1: "8.0 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %s, want %s", n, got, want)
		}
	}
}

// Messages fit a terminal, commands stay in one piece, and nothing from outside
// begins a line.
func TestSayFolds(t *testing.T) {
	command := "  gapseal register check " + strings.Repeat("folder/", 12)
	var b strings.Builder
	Say(&b, "%s\n%s\n%s", strings.Repeat("word ", 20), command, strings.Repeat("more ", 20))
	want := "gapseal: " + strings.TrimSpace(strings.Repeat("word ", 14)) + "\n         " + strings.TrimSpace(strings.Repeat("word ", 6)) + "\n" +
		command + "\n" + strings.TrimSpace(strings.Repeat("more ", 16)) + "\n  " + strings.TrimSpace(strings.Repeat("more ", 4)) + "\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
}
