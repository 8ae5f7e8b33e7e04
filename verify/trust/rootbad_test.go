package trust

import (
	"bytes"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

func TestParseTrustedRootIsStrict(t *testing.T) {
	good := string(readFile(t, v1))
	for name, test := range map[string]struct{ text, reason string }{
		"empty":                  {"", "want strict JSON"},
		"truncated":              {good[:len(good)-1], "want strict JSON"},
		"byte order mark":        {"\ufeff" + good, "want strict JSON"},
		"invalid UTF-8":          {strings.Replace(good, "127.0.0.1", "\xff", 1), "want strict JSON"},
		"comment":                {"//\n" + good, "want strict JSON"},
		"trailing object":        {good + "{}", "after the end"},
		"trailing text":          {good + "x", "after the end"},
		"array":                  {"[" + good + "]", "want an object"},
		"scalar":                 {"1", "want an object"},
		"duplicate":              {string(edit(t, v1, `"tlogs":`, `"tlogs":[],"tlogs":`)), "duplicate"},
		"duplicate escaped":      {string(edit(t, v1, `"logId":`, `"lo\u0067Id":{},"logId":`)), "duplicate"},
		"both names of a member": {string(edit(t, v1, `"keyId"`, `"key_id":"","keyId"`)), "duplicate"},
		"case":                   {string(edit(t, v1, `"tlogs"`, `"tLogs"`)), `unknown member "tLogs"`},
		"unknown":                {string(edit(t, v1, `"baseUrl"`, `"witness":1,"baseUrl"`)), `unknown member "witness"`},
		"wrong type":             {string(edit(t, v1, `"tlogs":[{`, `"tlogs":[1,{`)), "want an object"},
		"bad time":               {string(edit(t, v1, "2025-01-01T00:00:00Z", "yesterday")), "yesterday"},
		"unknown enum":           {string(edit(t, v1, "PKIX_ECDSA_P256_SHA_256", "ROT13")), "ROT13"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTrustedRoot([]byte(test.text))
			wantFormat(t, err, "trusted root", test.reason)
			if strings.Contains(err.Error(), "\u00a0") {
				t.Error("the message is not the same on every run")
			}
		})
	}
}

func TestParseTrustedRootJudgesLogs(t *testing.T) {
	good := string(readFile(t, v1))
	log := good[strings.Index(good, "[")+1 : strings.LastIndex(good, "]")]
	key := strings.Split(strings.SplitAfter(good, `"rawBytes":"`)[1], `"`)[0]
	der, err := base64.StdEncoding.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	otherID := encode(make([]byte, 32))
	const logID = "lo+FHtR7uNMrdLGZASWjxNzCgnG4a2o4qV6gE1/TIGI="
	const start = `{"start":"2025-01-01T00:00:00Z"}`
	for name, test := range map[string]struct {
		text   []byte
		reason string
	}{
		"twice":           {edit(t, v1, "[{", "["+log+",{"), "is listed twice"},
		"null":            {edit(t, v1, "[{", "[null,{"), "unexpected token null"},
		"no key":          {edit(t, v1, key, ""), "want a SubjectPublicKeyInfo"},
		"trailing in key": {edit(t, v1, key, encode(append(bytes.Clone(der), 5, 0))), "want a SubjectPublicKeyInfo"},
		"extended key":    {edit(t, v1, key, encode(extended(t, der))), "the DER is not canonical"},
		"other log id":    {edit(t, v1, logID, otherID), "the SHA-256 of the key's DER, found 0000"},
		"no log id":       {edit(t, v1, `,"logId":{"keyId":"`+logID+`"}`, ""), "found none"},
		"empty log id":    {edit(t, v1, logID, ""), "found none"},
		"other v2 log id": {edit(t, v2, "+bUYfHNFLUogxf9HCnsAafzUescWJxlgqm7ZSiaS3TI=", otherID),
			"neither the SHA-256"},
		"other v2 name": {edit(t, v2, "http://127.0.0.1:3010", "http://127.0.0.2:3010"), "neither the SHA-256"},
		"no window":     {edit(t, v1, `,"validFor":`+start, ""), "validFor.start"},
		"no start":      {edit(t, v1, start, `{"end":"2025-01-01T00:00:00Z"}`), "validFor.start"},
		"zero window": {edit(t, v1, start, `{"start":"0001-01-01T00:00:00Z","end":"0001-01-01T00:00:00Z"}`),
			"validFor.start"},
		"end before start": {edit(t, v1, start, `{"start":"2025-01-01T00:00:00Z","end":"2024-12-31T00:00:00Z"}`),
			"is before the start"},
		"control in URL": {edit(t, v1, "http://", "\\u0000http://"), "baseUrl: want a URL, found control characters"},
		"no hash": {edit(t, v1, `"hashAlgorithm":"SHA2_256",`, ""),
			"hashAlgorithm: want SHA2_256, found none"},
		"no key details":   {edit(t, v1, `"keyDetails":"PKIX_ECDSA_P256_SHA_256",`, ""), "keyDetails: want PKIX_ECDSA"},
		"P-256 as Ed25519": {edit(t, v1, "PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519"), "but the key is ECDSA P-256"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTrustedRoot(test.text)
			wantFormat(t, err, "trusted root", test.reason)
		})
	}
	wantKeptOut(t, edit(t, v1, "SHA2_256", "SHA2_512"),
		`tlogs[0] "http://127.0.0.1:3000": hashAlgorithm "SHA2_512" is not supported`)
	wantKeptOut(t, edit(t, v1, "PKIX_ECDSA_P256_SHA_256", "PKIX_ED25519_PH"),
		`tlogs[0] "http://127.0.0.1:3000": publicKey.keyDetails "PKIX_ED25519_PH" is not supported`)
}

func TestParseTrustedRootBudgets(t *testing.T) {
	text := readFile(t, v1)
	full := append(text, bytes.Repeat([]byte(" "), MaxTrustedRoot-len(text))...)
	if _, err := ParseTrustedRoot(full); err != nil {
		t.Error(err)
	}
	if _, err := ParseTrustedRoot(append(full, ' ')); !errors.Is(err, check.ErrTooLarge) {
		t.Errorf("a byte over the budget: got %v, want check.ErrTooLarge", err)
	}
}

func TestParseTrustedRootInOtherSpellings(t *testing.T) {
	want, err := ParseTrustedRoot(readFile(t, v1))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"alias":             edit(t, v1, `"baseUrl"`, `"base_url"`),
		"number of an enum": edit(t, v1, `"PKIX_ECDSA_P256_SHA_256"`, "5"),
		"white space":       append(bytes.ReplaceAll(readFile(t, v1), []byte(`":`), []byte("\" :\n")), '\n'),
		"null":              edit(t, v1, `{"mediaType"`, `{"ctlogs":null,"mediaType"`),
	} {
		root, err := ParseTrustedRoot(text)
		if err != nil || !reflect.DeepEqual(root.Logs, want.Logs) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEmptyRootIsUseless(t *testing.T) {
	for _, text := range []string{
		`{"mediaType":"application/vnd.dev.sigstore.trustedroot.v0.2+json"}`,
		`{"mediaType":"application/vnd.dev.sigstore.trustedroot.v0.1+json","tlogs":[],"ctlogs":[]}`,
	} {
		_, err := ParseTrustedRoot([]byte(text))
		wantFormat(t, err, "trusted root", "vouches for nothing")
	}
}

func FuzzParseTrustedRoot(f *testing.F) {
	for _, name := range []string{"trusted_root.json", v1, v2, publicGood} {
		f.Add(readFile(f, name))
	}
	f.Add(edit(f, v1, `"validFor":{`, `"validFor":{"end":"2025-06-30T23:59:59.999Z",`))
	f.Add(rootFor(f, mustParse(f, readFile(f, "cosign.pub")).Public, "PKIX_ECDSA_P256_SHA_256"))
	f.Fuzz(func(t *testing.T, text []byte) {
		root, err := ParseTrustedRoot(text)
		if err != nil {
			if root != nil {
				t.Error("an error and a root")
			}
			return
		}
		for _, ca := range root.CAs {
			if ca.CheckWindow(ca.From) != nil || !ca.Anchor().IsCA {
				t.Errorf("certificate authority %+v", ca)
			}
		}
		for _, tsa := range root.TSAs {
			if tsa.CheckWindow(tsa.From) != nil || tsa.Chain[0].IsCA {
				t.Errorf("timestamp authority %+v", tsa)
			}
		}
		for _, log := range append(root.Logs, root.CTLogs...) {
			if len(log.ID) != 64 || log.From.IsZero() || log.Key.CheckStrength() != nil {
				t.Errorf("log %+v", log)
			}
			if err := log.CheckWindow(log.From); err != nil {
				t.Errorf("the start is outside: %v", err)
			}
		}
	})
}
