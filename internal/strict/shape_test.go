package strict_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/strict"
)

func TestWalk(t *testing.T) {
	shape := strict.Object(map[string]strict.Shape{
		"text":    strict.Text,
		"bytes":   strict.Base64Text,
		"integer": strict.IntegerText,
		"any":     nil,
		"list":    strict.List(strict.Object(map[string]strict.Shape{"text": strict.Text}), 2),
	})
	for name, c := range map[string]struct{ raw, err string }{
		"nothing in it":         {`{}`, ""},
		"everything":            {`{"text":"","bytes":"AA==","integer":"-1","any":{"x":[1]},"list":[{},{"text":"a"}]}`, ""},
		"white space":           {" {\n\"list\" : [ ]\t}\n", ""},
		"an array":              {`[]`, "want an object"},
		"null":                  {`null`, "want an object"},
		"a null member":         {`{"text":null}`, "at /text: want a string"},
		"a number for a text":   {`{"text":1}`, "at /text: want a string"},
		"an object for a text":  {`{"text":{}}`, "at /text: want a string"},
		"an object for a list":  {`{"list":{}}`, "at /list: want an array"},
		"a text in a list":      {`{"list":["a"]}`, "at /list/0: want an object"},
		"too long a list":       {`{"list":[{},{},{}]}`, "more than 2 elements"},
		"an unknown member":     {`{"list":[{"Text":""}]}`, `at /list/0/Text: unknown member "Text", want one of text`},
		"base64 with a break":   {`{"bytes":"AA\n=="}`, "line breaks"},
		"base64 of another set": {`{"bytes":"__=="}`, "base64"},
		"a padded integer":      {`{"integer":"01"}`, "plain integer"},
		"a large integer":       {`{"integer":"9223372036854775808"}`, "plain integer"},
		"a name twice":          {`{"any":{"x":1,"x":1}}`, "duplicate"},
		"data after the end":    {`{}{}`, "after the end"},
		"a byte order mark":     {"\xef\xbb\xbf{}", "byte order mark"},
		"a key":                 {"-----BEGIN PUBLIC KEY-----\n", "begins like a PEM file"},
		"cut off":               {`{"list":[`, "EOF"},
		"too deep":              {`{"any":[[[[1]]]]}`, "nests deeper than 4 levels"},
	} {
		err := strict.Walk([]byte(c.raw), 4, shape)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: error %v, want %q", name, err, c.err)
		}
		if e := (*strict.Error)(nil); err != nil && !errors.As(err, &e) {
			t.Errorf("%s: %T", name, err)
		}
		if errors.Is(err, strict.ErrTooMany) != (name == "too long a list") ||
			errors.Is(err, strict.ErrTooDeep) != (name == "too deep") {
			t.Errorf("%s: the error matches another sentinel: %v", name, err)
		}
		if e := (*strict.Error)(nil); errors.As(err, &e) && e.Syntax != (name == "a name twice" || name == "cut off") {
			t.Errorf("%s: syntax %v", name, e.Syntax)
		}
	}
}
