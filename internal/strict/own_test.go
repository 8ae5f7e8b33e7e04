package strict_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/strict"
)

type own struct {
	Name string            `json:"name"`
	List []int             `json:"list"`
	Tags map[string]string `json:"tags"`
}

func TestOwnDocumentsHaveOneSpelling(t *testing.T) {
	good, err := strict.Marshal(own{Name: "<a&b>\u2028\x1f", Tags: map[string]string{"b": "", "a": ""}})
	if want := "{\"name\":\"<a&b>\u2028\\u001f\",\"list\":[],\"tags\":{\"a\":\"\",\"b\":\"\"}}"; err != nil ||
		string(good) != want {
		t.Fatalf("%v: %s, want %s", err, good, want)
	}
	if err := strict.UnmarshalOwn(good, &own{}); err != nil {
		t.Fatal(err)
	}
	for raw, says := range map[string]string{
		string(good) + "\n": `differs at byte `,
		` ` + string(good):  `differs at byte 0)`,
		strings.Replace(string(good), "<", "\\u003c", 1):  `differs at byte 9)`,
		strings.Replace(string(good), "[]", "null", 1):    `differs at byte `,
		`{"list":[],"name":"","tags":{}}`:                 `differs at byte 2)`,
		`{"name":"","list":[],"tags":{"b":"","a":""}}`:    `differs at byte `,
		`{"name":"","list":[]}`:                           `differs at byte `,
		`{"name":"","list":[],"tags":{},"more":1}`:        `more`,
		`{"name":"","name":"","list":[],"tags":{}}`:       `name`,
		strings.Replace(string(good), "list", "List", 1):  `List`,
		strings.Replace(string(good), "\"tags\"", "{", 1): ``,
		strings.TrimSuffix(string(good), "}"):             ``,
	} {
		if err := strict.UnmarshalOwn([]byte(raw), &own{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", raw, err, says)
		}
	}
}
