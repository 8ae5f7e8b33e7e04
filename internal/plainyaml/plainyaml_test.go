package plainyaml

import (
	"errors"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	type into struct {
		A string   `yaml:"a"`
		B []string `yaml:"b"`
	}
	for text, says := range map[string]string{
		"a: x\nb: [y, z]\n":                 "",
		"---\na: x\n":                       "",
		"a: |\n  -----BEGIN-----\n  x\n":    "",
		"":                                  "the file is empty",
		"a: x\nc: y\n":                      `line 2, column 1: unknown key "c"`,
		"a: x\na: y\n":                      "already defined",
		"a: x\n---\na: y\n":                 "want one YAML document, found more",
		"a: &x y\n":                         "anchors",
		"a: !!str y\n":                      "tags",
		"%YAML 1.2\n---\na: x\n":            "directives",
		"b: " + strings.Repeat("[", 20):     "nests too deeply",
		"b: " + strings.Repeat("[", 250e3):  "want at most 240000 signs",
		"b: [" + strings.Repeat("x,", 2e4):  "words and signs",
		"b: [" + strings.Repeat("x, ", 2e4): "words and signs",
		"a: 'x":                             "not YAML",
	} {
		err := Read([]byte(text), func() error { return Decode([]byte(text), &into{}) })
		switch {
		case says == "" && err != nil:
			t.Errorf("%.20q: %v", text, err)
		case says != "" && (err == nil || !strings.Contains(Located(err).Error(), says)):
			t.Errorf("%.20q: %v, want %q", text, err, says)
		}
	}
}

func TestReadSurvivesThePanicOfALibrary(t *testing.T) {
	err := Read([]byte("a: x"), func() error { panic("as the library might") })
	if said := (*Error)(nil); !errors.As(err, &said) {
		t.Errorf("%v", err)
	}
}
