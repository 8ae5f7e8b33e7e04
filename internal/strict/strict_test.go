package strict_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/internal/strict"
)

type inner struct {
	Digest      string            `json:"digest"`
	Annotations map[string]string `json:"annotations"`
}

type common struct {
	Kind string `json:"kind"`
}

type document struct {
	common
	Layers   []inner                   `json:"layers"`
	Subject  *inner                    `json:"subject"`
	Optional map[string]jsontext.Value `json:"optional"`
	Skipped  string                    `json:"-"`
	Plain    int
}

func TestUnmarshal(t *testing.T) {
	for name, c := range map[string]struct{ raw, err string }{
		"empty object":                    {`{}`, ""},
		"white space around":              {" \t\r\n{\"kind\":\"k\"}\n ", ""},
		"unknown name":                    {`{"unknown":{"Kind":1}}`, ""},
		"embedded name":                   {`{"kind":"k"}`, ""},
		"name without a tag":              {`{"Plain":1}`, ""},
		"free-form map keeps any key":     {`{"layers":[{"annotations":{"Digest":"","digest":"","\u017fubject":""}}],"optional":{"Layers":{"Digest":1},"layers":[{"DIGEST":1}]}}`, ""},
		"null for all":                    {`{"kind":null,"layers":null,"subject":null,"optional":null}`, ""},
		"duplicate name":                  {`{"kind":"a","kind":"b"}`, "duplicate"},
		"duplicate name, one escaped":     {`{"kind":"a","\u006bind":"b"}`, "duplicate"},
		"duplicate name that is not read": {`{"x":1,"x":1}`, "duplicate"},
		"duplicate name deep inside":      {`{"x":[{"y":{"z":1,"z":1}}]}`, "duplicate"},
		"duplicate name in a free map":    {`{"layers":[{"annotations":{"a":"1","a":"2"}}]}`, "duplicate"},
		"duplicate name in a free value":  {`{"optional":{"a":{"b":1,"b":2}}}`, "duplicate"},
		"capital letter":                  {`{"Kind":"k"}`, "case variant"},
		"all capitals":                    {`{"LAYERS":[]}`, "case variant"},
		"Kelvin sign":                     {"{\"\u212aind\":\"k\"}", "case variant"},
		"Kelvin sign, escaped":            {`{"\u212aind":"k"}`, "case variant"},
		"long s":                          {`{"layer\u017f":[]}`, "case variant"},
		"case variant in a list":          {`{"layers":[{"Digest":""}]}`, "case variant"},
		"case variant behind a pointer":   {`{"subject":{"dIgest":""}}`, "case variant"},
		"name without a tag, lower case":  {`{"plain":1}`, "case variant"},
		"byte order mark":                 {"\xef\xbb\xbf{}", "byte order mark"},
		"UTF-16 byte order mark":          {"\xff\xfe{}", "UTF-16"},
		"trailing data":                   {`{}{}`, "after the end"},
		"trailing comma":                  {`{},`, "after the end"},
		"trailing NUL":                    {"{}\x00", "after the end"},
		"comma before the end":            {`{"kind":"a",}`, "invalid"},
		"comment":                         {`{}//`, "after the end"},
		"single quotes":                   {`{'kind':"a"}`, "invalid"},
		"invalid UTF-8":                   {"{\"kind\":\"\xff\"}", "invalid UTF-8"},
		"half a surrogate":                {`{"kind":"\ud800"}`, "invalid"},
		"control character":               {"{\"kind\":\"\x01\"}", "invalid"},
		"cut off":                         {`{"kind":`, "EOF"},
		"nothing":                         {``, "EOF"},
		"a list":                          {`[]`, "unmarshal JSON"},
		"another type":                    {`{"kind":1}`, "unmarshal JSON"},
		"fraction":                        {`{"Plain":1.0}`, "unmarshal JSON"},
		"exponent":                        {`{"Plain":1e0}`, "unmarshal JSON"},
		"too large a number":              {`{"Plain":99999999999999999999}`, "unmarshal JSON"},
	} {
		var doc document
		err := strict.Unmarshal([]byte(c.raw), &doc)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want %q", name, err, c.err)
		}
	}
}

func TestUnmarshalKnownRefusesUnknownNames(t *testing.T) {
	for raw, want := range map[string]string{
		`{"kind":"k","layers":[{"digest":"d"}]}`:        "",
		`{"optional":{"any":1}}`:                        "",
		`{"unknown":1}`:                                 "unknown",
		`{"layers":[{"unknown":1}]}`:                    "unknown",
		`{"Skipped":""}`:                                "unknown",
		`{"-":""}`:                                      "unknown",
		`{"kind":"a","KIND":"b"}`:                       "case variant",
		`{"layers":[],"layers":[]}`:                     "duplicate",
		`{"layers":[{"annotations":{"unknown":"ok"}}]}`: "",
	} {
		var doc document
		err := strict.UnmarshalKnown([]byte(raw), &doc)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %q", raw, err, want)
		}
	}
}

func TestNesting(t *testing.T) {
	nested := func(open, shut string, n int) string {
		return `{"x":` + strings.Repeat(open, n) + "1" + strings.Repeat(shut, n) + `}`
	}
	for name, c := range map[string]struct {
		raw string
		bad bool
	}{
		"lists as deep as allowed": {nested("[", "]", strict.MaxDepth-1), false},
		"lists one deeper":         {nested("[", "]", strict.MaxDepth), true},
		"objects one deeper":       {nested(`{"a":`, "}", strict.MaxDepth), true},
		"10k lists":                {nested("[", "]", 10_000), true},
		"10k objects":              {nested(`{"a":`, "}", 10_000), true},
		"10k never closed":         {strings.Repeat("[", 10_000), true},
	} {
		var doc document
		if err := strict.Unmarshal([]byte(c.raw), &doc); errors.Is(err, strict.ErrTooDeep) != c.bad {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A document of nothing but empty objects would take fifty times its size.
func TestEmptyObjectsAreBounded(t *testing.T) {
	var doc document
	list := func(object string, n int) []byte {
		return []byte(`{"layers":[` + strings.TrimSuffix(strings.Repeat(object+",", n), ",") + `]}`)
	}
	if err := strict.Unmarshal(list(`{}`, 1<<20), &doc); err == nil || !strings.Contains(err.Error(),
		"more objects than one for each 32 bytes") {
		t.Errorf("a million empty objects: error %v", err)
	}
	for name, raw := range map[string][]byte{
		"a few empty objects":   list(`{}`, 50),
		"many ordinary objects": list(`{"digest":"sha256:0123456789abcdef"}`, 10_000),
		"objects not decoded": []byte(`{"x":` + strings.Replace(string(list(`{}`, 10_000)), "layers", "y",
			1) + `}`),
		"free-form empty objects": []byte(`{"optional":{"x":[` + strings.TrimSuffix(strings.Repeat("{},", 10_000),
			",") + `]}}`),
	} {
		if err := strict.Unmarshal(raw, &doc); err != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestMessagesStayShort(t *testing.T) {
	long := strings.Repeat("k\u212a", 100_000)
	for _, raw := range []string{`{"` + long + `":1}`, `{"` + long + `":{"` + long + `":[`,
		`{"a` + long + `":1,"a` + long + `":1}`, `{"kind":` + strings.Repeat("9", 100_000) + `}`} {
		var doc document
		if err := strict.UnmarshalKnown([]byte(raw), &doc); err == nil || len(err.Error()) > 400 {
			t.Errorf("%.20s…: error of %d bytes", raw, len(fmt.Sprint(err)))
		}
	}
}

// TestShortNames refuses a document that would grow many times when it is decoded.
func TestShortNames(t *testing.T) {
	var v struct {
		Map map[string]string `json:"map"`
	}
	var names []string
	for i := range 1000 {
		names = append(names, fmt.Sprintf(`"%d":""`, i))
	}
	document := func(n int) []byte { return []byte(`{"map":{` + strings.Join(names[:n], ",") + `}}`) }
	if err := strict.Unmarshal(document(1000), &v); err == nil || !strings.Contains(err.Error(), "than one for each") {
		t.Errorf("a thousand names: %v", err)
	}
	if err := strict.Unmarshal(document(60), &v); err != nil {
		t.Errorf("sixty names: %v", err)
	}
}
