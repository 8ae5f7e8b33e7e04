package evidence_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

const signed = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"a","digest":{"sha256":"4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"},` +
	`"annotations":{"repo":"acme/app","n":1}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{"x":[{}]}}`

func TestReadStatement(t *testing.T) {
	s, f := evidence.ReadStatement([]byte(signed))
	if f != nil {
		t.Fatal(f)
	}
	about := s.About(image)
	if s.Type != evidence.StatementV1 || s.PredicateType != evidence.SignPredicate ||
		string(s.Predicate) != `{"x":[{}]}` || len(about) != 1 {
		t.Fatalf("%+v", s)
	}
	if a := about[0]; a.Name != "a" || string(a.Annotations["repo"]) != `"acme/app"` ||
		string(a.Annotations["n"]) != "1" {
		t.Errorf("%+v", a)
	}
	if n := len(s.About(oci.EmptyDigest)) + len(s.About("")); n != 0 {
		t.Errorf("it is about %d other images", n)
	}
}

func TestReadStatementOfOtherSubjects(t *testing.T) {
	const hex = `"sha256":"4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"`
	for _, c := range []struct{ name, digest string }{
		{"sha512 alone", `"sha512":"4f008ef8965bc756240832df1c03d0f2d938b045dfcd16cd52ab882a10205226"`},
		{"none", ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f := evidence.ReadStatement(replace(t, []byte(signed), hex, c.digest))
			if f != nil || len(s.Subjects) != 1 || s.Subjects[0].Digest != "" || s.About(image) != nil ||
				s.About("") != nil {
				t.Errorf("%+v, %v", s, f)
			}
		})
	}
	for _, name := range []string{"SHA256", "Sha256", "\u017fha256"} { // alone, or beside the right one
		for _, digest := range []string{`"` + name + `":"x"`, hex + `,"` + name + `":"x"`} {
			if s, f := evidence.ReadStatement(replace(t, []byte(signed), hex, digest)); f == nil ||
				f.ID != check.SignatureClaims {
				t.Errorf("digest %s: %+v, %v", digest, s, f)
			}
		}
	}
	s, f := evidence.ReadStatement(replace(t, []byte(signed), `"subject":[`,
		`"subject":[{"name":"b","digest":{`+hex+`,"sha512":"x"}},`))
	if f != nil || len(s.About(image)) != 2 {
		t.Errorf("%+v, %v", s, f)
	}
	s, f = evidence.ReadStatement(replace(t, []byte(signed), `Statement/v1"`, `Statement/v0.1"`,
		`,"predicate":{"x":[{}]}`, ``))
	if f != nil || s.Type != evidence.StatementV01 || s.Predicate != nil {
		t.Errorf("%+v, %v", s, f)
	}
}

func TestReadStatementRefuses(t *testing.T) {
	for _, c := range []struct{ name, old, new, says string }{
		{"another type", `Statement/v1"`, `Statement/v2"`, "_type"},
		{"type missing", `"_type":"https://in-toto.io/Statement/v1",`, ``, "_type"},
		{"no predicate type", `"https://sigstore.dev/cosign/sign/v1"`, `""`, "predicateType"},
		{"predicate no object", `{"x":[{}]}`, `[]`, "not an object"},
		{"predicate null", `{"x":[{}]}`, `null`, "not an object"},
		{"member twice", `"predicateType"`, `"predicateType":"x","predicateType"`, "duplicate"},
		{"member twice in the predicate", `{"x":[{}]}`, `{"x":[{"y":1,"y":2}]}`, "duplicate"},
		{"case variant", `"predicateType"`, `"PredicateType"`, "case variant"},
		{"snake case", `"predicateType"`, `"predicate_type"`, "predicate_type"},
		{"unknown member", `"subject"`, `"x":1,"subject"`, "unknown"},
		{"unknown member of a subject", `"name":"a"`, `"Name2":"a"`, "unknown"},
		{"case variant in a subject", `"name":"a"`, `"Name":"a"`, "case variant"},
		{"digest twice", `"digest":{`, `"digest":{"sha256":"x",`, "duplicate"},
		{"upper-case hex", `"4f008ef8`, `"4F008EF8`, "lower-case"},
		{"short hex", `"4f008ef8`, `"4f008e`, "64"},
		{"subject no list", `"subject":[`, `"subject":1,"x":[`, "subject"},
		{"data after the end", `{"x":[{}]}}`, `{}}{}`, "after the end"},
		{"byte order mark", `{"_type"`, "\xef\xbb\xbf" + `{"_type"`, "byte order mark"},
		{"invalid UTF-8", `"name":"a"`, "\"name\":\"\xff\"", "UTF-8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f := evidence.ReadStatement(replace(t, []byte(signed), c.old, c.new))
			if s != nil {
				t.Errorf("read as %+v", s)
			}
			wantFault(t, f, check.SignatureClaims, c.says)
		})
	}
	deep := `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`
	_, f := evidence.ReadStatement(replace(t, []byte(signed), `{"x":[{}]}`, deep))
	wantFault(t, f, check.LimitNesting, "deeper")
}

func TestPredicateURI(t *testing.T) {
	for name, want := range map[string]string{
		"slsaprovenance":            "https://slsa.dev/provenance/v0.2",
		"slsaprovenance02":          "https://slsa.dev/provenance/v0.2",
		"slsaprovenance1":           "https://slsa.dev/provenance/v1",
		"spdx":                      "https://spdx.dev/Document",
		"spdxjson":                  "https://spdx.dev/Document",
		"cyclonedx":                 "https://cyclonedx.org/bom",
		"vuln":                      "https://cosign.sigstore.dev/attestation/vuln/v1",
		"link":                      "https://in-toto.io/Link/v1",
		"openvex":                   "https://openvex.dev/ns",
		"custom":                    "https://cosign.sigstore.dev/attestation/v1",
		"https://example.com/a/v1":  "https://example.com/a/v1",
		"urn:example:predicate":     "urn:example:predicate",
		"SLSAProvenance":            "",
		"":                          "",
		"/path":                     "",
		"https://":                  "",
		"example.com/predicate":     "",
		"https://exa mple.com/\x00": "",
	} {
		if uri, ok := evidence.PredicateURI(name); uri != want || ok != (want != "") {
			t.Errorf("%q: %q, %v, want %q", name, uri, ok, want)
		}
	}
}
