package lock_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/lock"
)

const other = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func inventory(references ...string) *bundle.Inventory {
	inv := &bundle.Inventory{}
	for _, r := range references {
		img := bundle.Image{Reference: r, Platforms: []string{"linux/amd64"}}
		img.Digest = oci.EmptyDigest
		inv.Images = append(inv.Images, img)
	}
	return inv
}

func ExampleNew() {
	l, _ := lock.New(inventory("ghcr.io/acme/app:v1"))
	raw, _ := l.Marshal()
	fmt.Print(string(raw))
	// Output:
	// {
	//   "schema": "gapseal.lock/v1",
	//   "images": [
	//     {
	//       "reference": "ghcr.io/acme/app:v1",
	//       "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
	//       "platforms": [
	//         "linux/amd64"
	//       ]
	//     }
	//   ]
	// }
}

func TestParseTakesWhatMarshalWrites(t *testing.T) {
	want, err := lock.New(inventory("a.b/c:v1", "a.b/d@"+string(oci.EmptyDigest)))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := lock.Parse(raw)
	if err != nil || got.Digest != oci.FromBytes(raw) || got.Digest != want.Digest || len(got.Images) != 2 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestParseIsStrict(t *testing.T) {
	l, err := lock.New(inventory("a.b/c:v1", "a.b/d:v1"))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := l.Marshal()
	good := string(raw)
	for name, c := range map[string]struct{ text, says string }{
		"white space":       {strings.ReplaceAll(good, "  ", " "), "not spelled"},
		"no final newline":  {strings.TrimSpace(good), "not spelled"},
		"trailing data":     {good + "{}", "after"},
		"another schema":    {strings.Replace(good, "lock/v1", "lock/v2", 1), "schema"},
		"an unknown member": {strings.Replace(good, `"schema"`, `"note": "x", "schema"`, 1), "note"},
		"a member twice":    {strings.Replace(good, `"schema"`, `"schema": "x", "schema"`, 1), "schema"},
		"out of order":      {strings.Replace(good, "a.b/c", "a.b/e", 1), "ascending"},
		"the same twice":    {strings.Replace(good, "a.b/d", "a.b/c", 1), "ascending"},
		"not in full":       {strings.Replace(good, "a.b/c:v1", "a.b/c", 1), "in full"},
		"another digest":    {strings.Replace(good, "a.b/c:v1", "a.b/c:v1@"+other, 1), "another digest"},
		"no digest":         {strings.Replace(good, "sha256:", "sha512:", 1), "digest"},
		"no platforms":      {strings.Replace(good, "[\n        \"linux/amd64\"\n      ]", "null", 1), "no list of platforms"},
		"no image":          {"{\n  \"schema\": \"gapseal.lock/v1\",\n  \"images\": []\n}\n", "no image"},
		"a name for two":    {strings.Replace(strings.Replace(good, "a.b/d:v1", "a.b/c:v1@"+other, 1), string(oci.EmptyDigest)+"\",\n      \"platforms\": [\n        \"linux/amd64\"\n      ]\n    }\n", other+"\",\n      \"platforms\": [\n        \"linux/amd64\"\n      ]\n    }\n", 1), "two images"},
	} {
		_, err := lock.Parse([]byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if f := (*check.FormatError)(nil); err != nil && !errors.As(err, &f) {
			t.Errorf("%s: %T, want a *check.FormatError", name, err)
		}
	}
	if _, err := lock.Parse(make([]byte, lock.MaxSize+1)); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	l, _ := lock.New(inventory("a.b/c:v1"))
	raw, _ := l.Marshal()
	f.Add(raw)
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := lock.Parse(raw)
		if err != nil {
			return
		}
		if again, err := l.Marshal(); err != nil || string(again) != string(raw) {
			t.Errorf("%q is read and written as %q", raw, again)
		}
	})
}
