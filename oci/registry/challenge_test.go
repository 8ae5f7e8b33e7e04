package registry

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParseChallenges(t *testing.T) {
	offer := func(scheme string, params ...string) challenge {
		c := challenge{scheme, map[string]string{}}
		for i := 0; i < len(params); i += 2 {
			c.params[params[i]] = params[i+1]
		}
		return c
	}
	token := offer("bearer", "realm", "https://a.example/token", "service", "a", "scope", "repository:b:pull,push")
	for name, c := range map[string]struct {
		headers []string
		want    []challenge
	}{
		"none":  {nil, nil},
		"basic": {[]string{`Basic realm="a"`}, []challenge{offer("basic", "realm", "a")}},
		"bare":  {[]string{"Negotiate"}, []challenge{offer("negotiate")}},
		"comma in a quoted value": {
			[]string{`Bearer realm="https://a.example/token",service="a",scope="repository:b:pull,push"`},
			[]challenge{token}},
		"two in one header": {
			[]string{`Basic realm="a, b", ` +
				`Bearer realm="https://a.example/token", service="a", scope="repository:b:pull,push"`},
			[]challenge{offer("basic", "realm", "a, b"), token}},
		"two headers": {
			[]string{"Negotiate", `Basic realm="a"`}, []challenge{offer("negotiate"), offer("basic", "realm", "a")}},
		"token68": {[]string{`Negotiate YWJj/+==, NTLM YQ, Basic realm=a`},
			[]challenge{offer("negotiate"), offer("ntlm"), offer("basic", "realm", "a")}},
		"escapes":    {[]string{`Basic realm="a \"b\" \\c"`}, []challenge{offer("basic", "realm", `a "b" \c`)}},
		"upper case": {[]string{`BEARER REALM="a"`}, []challenge{offer("bearer", "realm", "a")}},
		"spaces": {[]string{"Basic  realm =\t\"a\" , charset = utf-8 ,"},
			[]challenge{offer("basic", "realm", "a", "charset", "utf-8")}},
		"unquoted URL": {[]string{"Bearer realm=https://a.example/t?x=y,service=s"},
			[]challenge{offer("bearer", "realm", "https://a.example/t?x=y", "service", "s")}},
		"no closing quote": {[]string{`Basic realm="a, Bearer realm=b`},
			[]challenge{offer("basic", "realm", "a, Bearer realm=b")}},
		"given twice": {[]string{`Basic realm="a", realm="b"`}, []challenge{offer("basic", "realm", "a")}},
		"empty value": {[]string{`Basic realm="", charset="x"`},
			[]challenge{offer("basic", "realm", "", "charset", "x")}},
		"no scheme": {[]string{`realm="a"`, `@@, Basic realm="a"`}, []challenge{offer("basic", "realm", "a")}},
	} {
		if got := parseChallenges(c.headers); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got := len(parseChallenges([]string{strings.Repeat("a,", 1000)})); got != maxChallenges {
		t.Errorf("%d challenges of 1000", got)
	}
	many := "Basic "
	for i := range 1000 {
		many += fmt.Sprintf("a%d=b,", i)
	}
	if got := len(parseChallenges([]string{many})[0].params); got != maxParams {
		t.Errorf("%d parameters of 1000", got)
	}
}

// FuzzParseChallenges wants what was read to be read again from its canonical form.
func FuzzParseChallenges(f *testing.F) {
	f.Add(`Basic realm="a, b", Bearer realm="https://a.example/token",scope="x\"y"`)
	f.Add("Negotiate YWJj==, Basic realm=a")
	f.Add(`,,=@"`)
	f.Fuzz(func(t *testing.T, header string) {
		got := parseChallenges([]string{header})
		if len(got) > maxChallenges {
			t.Errorf("%d challenges", len(got))
		}
		var written []string
		for _, c := range got {
			var params []string
			for _, k := range slices.Sorted(maps.Keys(c.params)) {
				quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(c.params[k])
				params = append(params, fmt.Sprintf(`%s="%s"`, k, quoted))
			}
			written = append(written, c.scheme+" "+strings.Join(params, ", "))
		}
		again := parseChallenges([]string{strings.Join(written, ", ")})
		if len(got)+len(again) > 0 && !reflect.DeepEqual(got, again) {
			t.Errorf("got %q, and %q from its canonical form", got, again)
		}
	})
}
