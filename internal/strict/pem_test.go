package strict_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/gapseal/gapseal/internal/strict"
)

func TestPEM(t *testing.T) {
	block := func(der string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(der)}))
	}
	one, two := block(strings.Repeat("a", 60)), block("b")
	rewrapped := strings.Replace(strings.Replace(one, "YWFh\n", "YWFh", 1), "YWFhYWFh", "YWFh\nYWFh", 1)
	if rewrapped == one {
		t.Fatal("nothing was wrapped")
	}
	broken := strings.Replace(one, "YWFh", "!!!!", 1)
	for name, c := range map[string]struct {
		text   string
		blocks int
		ok     bool
	}{
		"nothing":                 {"", 0, true},
		"white space":             {" \n", 0, true},
		"text":                    {"text", 0, true},
		"one block":               {one, 1, true},
		"two blocks":              {one + two, 2, true},
		"line breaks around":      {"\n" + one + "\n", 1, true},
		"white space between":     {one + "\n\t" + two, 2, true},
		"indented lines":          {"  " + strings.ReplaceAll(one, "\n", "\n  "), 1, true},
		"no last line break":      {strings.TrimSuffix(one, "\n"), 1, true},
		"other line breaks":       {rewrapped, 1, true},
		"carriage returns":        {strings.ReplaceAll(one, "\n", "\r\n"), 1, true},
		"carriage returns alone":  {strings.ReplaceAll(one, "\n", "\r"), 1, true},
		"a byte order mark":       {"\xef\xbb\xbf" + one, 1, true},
		"text before":             {"subject=CN = signer\n" + one, 1, true},
		"text after":              {one + "text\n", 1, true},
		"text between":            {one + "text\n" + two, 2, true},
		"a broken block":          {broken, 0, false},
		"a broken block before":   {broken + one, 1, false},
		"a broken block after":    {one + broken, 1, false},
		"a block that never ends": {one + "-----BEGIN CERTIFICATE-----\n", 1, false},
	} {
		blocks, err := strict.PEM([]byte(c.text))
		if len(blocks) != c.blocks || (err == nil) != c.ok {
			t.Errorf("%s: %d blocks, %v, want %d and accepted: %v", name, len(blocks), err, c.blocks, c.ok)
		}
	}
}

func TestUTF16IsNamed(t *testing.T) {
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("a")})
	little, big := []byte("\xff\xfe"), []byte("\xfe\xff")
	for _, unit := range utf16.Encode([]rune(string(block))) {
		little = append(little, byte(unit), byte(unit>>8))
		big = append(big, byte(unit>>8), byte(unit))
	}
	for _, text := range [][]byte{little, big} {
		if _, err := strict.PEM(text); !errors.Is(err, strict.ErrUTF16) {
			t.Errorf("PEM: %v", err)
		}
		if err := strict.Walk(text, 4, nil); !errors.Is(err, strict.ErrUTF16) {
			t.Errorf("JSON: %v", err)
		}
	}
}

// FuzzPEM requires that comments, line ends and indentation change nothing.
func FuzzPEM(f *testing.F) {
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("a")})
	f.Add(block)
	f.Add(append([]byte("text\n-----BEGIN X-----\n"), block...))
	f.Add(append(bytes.Clone(block), block...))
	f.Fuzz(func(t *testing.T, text []byte) {
		blocks, err := strict.PEM(text)
		if err != nil {
			return
		}
		var written []byte
		for _, b := range blocks {
			if len(b.Headers) > 0 {
				return
			}
			written = append(append(written, "# comment\r\n"...), pem.EncodeToMemory(b)...)
		}
		again, err := strict.PEM(written)
		if err != nil || len(again) != len(blocks) {
			t.Fatalf("%d blocks, then %d: %v", len(blocks), len(again), err)
		}
		for i, b := range again {
			if !bytes.Equal(b.Bytes, blocks[i].Bytes) || b.Type != blocks[i].Type {
				t.Errorf("block %d differs", i)
			}
		}
	})
}
