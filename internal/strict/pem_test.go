package strict_test

import (
	"bytes"
	"encoding/pem"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/strict"
)

func TestPEM(t *testing.T) {
	block := func(der string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(der)}))
	}
	one, two := block(strings.Repeat("a", 60)), block("b")
	headers := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Headers: map[string]string{"a": "b"}}))
	rewrapped := strings.Replace(strings.Replace(one, "YWFh\n", "YWFh", 1), "YWFhYWFh", "YWFh\nYWFh", 1)
	if rewrapped == one {
		t.Fatal("nothing was wrapped")
	}
	broken := strings.Replace(one, "YWFh", "!!!!", 1)
	const within, alone, canonical = strict.PEMWithin, strict.PEMAlone, strict.PEMCanonical
	const wrapped, exact = strict.PEMRewrapped, strict.PEMExact
	for name, c := range map[string]struct {
		text   string
		blocks int
		forms  []strict.PEMForm // that accept it
	}{
		"nothing":             {"", 0, []strict.PEMForm{within, alone, canonical, wrapped, exact}},
		"white space":         {" \n", 0, []strict.PEMForm{within, alone, canonical}},
		"text":                {"text", 0, []strict.PEMForm{within}},
		"one block":           {one, 1, []strict.PEMForm{within, alone, canonical, wrapped, exact}},
		"two blocks":          {one + two, 2, []strict.PEMForm{within, alone, canonical, wrapped, exact}},
		"line breaks around":  {"\n" + one + "\n", 1, []strict.PEMForm{within, alone, canonical, wrapped}},
		"white space between": {one + "\n" + two, 2, []strict.PEMForm{within, alone, canonical, wrapped}},
		"no last line break": {strings.TrimSuffix(one, "\n"), 1, []strict.PEMForm{within, alone, canonical,
			wrapped}},
		"other line breaks":       {rewrapped, 1, []strict.PEMForm{within, alone, wrapped}},
		"carriage returns":        {strings.ReplaceAll(one, "\n", "\r\n"), 1, []strict.PEMForm{within, alone}},
		"headers":                 {headers, 1, []strict.PEMForm{within, alone}},
		"text before":             {"text\n" + one, 1, []strict.PEMForm{within}},
		"text after":              {one + "text\n", 1, []strict.PEMForm{within}},
		"text between":            {one + "text\n" + two, 2, []strict.PEMForm{within}},
		"a broken block":          {broken, 0, []strict.PEMForm{within}},
		"a broken block before":   {broken + one, 1, []strict.PEMForm{within}},
		"a broken block after":    {one + broken, 1, []strict.PEMForm{within}},
		"a block that never ends": {one + "-----BEGIN CERTIFICATE-----\n", 1, []strict.PEMForm{within}},
	} {
		for form := within; form <= exact; form++ {
			blocks, err := strict.PEM([]byte(c.text), form)
			if len(blocks) != c.blocks {
				t.Errorf("%s, form %d: %d blocks, want %d", name, form, len(blocks), c.blocks)
			}
			if want := slices.Contains(c.forms, form); (err == nil) != want {
				t.Errorf("%s, form %d: %v, want accepted: %v", name, form, err, want)
			}
		}
	}
}

// A decoder finds a block only at the beginning of a line. Where white space may
// surround a block, it may also indent it.
func TestPEMIndented(t *testing.T) {
	block := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("a")}))
	for _, form := range []strict.PEMForm{strict.PEMAlone, strict.PEMCanonical} {
		if blocks, err := strict.PEM([]byte(" "+block+"\n\t"+block), form); err != nil || len(blocks) != 2 {
			t.Errorf("form %d: %d blocks, %v", form, len(blocks), err)
		}
	}
	if blocks, _ := strict.PEM([]byte(" "+block), strict.PEMExact); len(blocks) != 0 {
		t.Error("an indented block is exact")
	}
}

func FuzzPEM(f *testing.F) {
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("a")})
	f.Add(block)
	f.Add(append([]byte("text\n-----BEGIN X-----\n"), block...))
	f.Add(append(bytes.Clone(block), block...))
	f.Fuzz(func(t *testing.T, text []byte) {
		refused := false
		for _, form := range []strict.PEMForm{
			strict.PEMWithin, strict.PEMAlone, strict.PEMCanonical, strict.PEMExact,
		} {
			_, err := strict.PEM(text, form)
			if refused && err == nil {
				t.Errorf("form %d accepts what a more lenient form refuses", form)
			}
			refused = err != nil
		}
	})
}
