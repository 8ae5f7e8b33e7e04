package strict_test

import (
	"errors"
	"strings"
	"testing"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gapseal/gapseal/internal/strict"
)

const plainBundle = `{"mediaType":"m","verificationMaterial":{"publicKey":{"hint":"h"},"tlogEntries":[` +
	`{"logIndex":"7","logId":{"keyId":"AAECAw=="},"inclusionProof":{"treeSize":"8","hashes":["+/8="],` +
	`"checkpoint":{"envelope":"a\nb\n"}}}]},"messageSignature":{"messageDigest":{"algorithm":"SHA2_256",` +
	`"digest":"+/8="},"signature":"+/8="}}`

func TestUnmarshalProtoReadsEverySpelling(t *testing.T) {
	var want bundlepb.Bundle
	if err := strict.UnmarshalProto([]byte(plainBundle), 16, nil, &want); err != nil {
		t.Fatal(err)
	}
	swap := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(plainBundle) }
	for name, text := range map[string]string{
		"white space":                  " " + swap(":", " :\n\t", ",", " , ") + "\r\n",
		"names as declared":            swap("tlogEntries", "tlog_entries", "keyId", "key_id", "mediaType", "media_type"),
		"numbers":                      swap(`"7"`, "7", `"8"`, "8"),
		"an enumeration by number":     swap(`"SHA2_256"`, "1"),
		"base64 for URLs":              swap("+/8=", "-_8="),
		"base64 without padding":       swap("+/8=", "-_8", "AAECAw==", "AAECAw"),
		"base64 in lines":              swap("+/8=", `+/8\n=`, "AAECAw==", `AAEC\r\nAw==\n`),
		"null for what is absent":      swap(`{"mediaType"`, `{"dsseEnvelope":null,"mediaType"`),
		"escapes":                      swap("hint", `h\u0069nt`, `"m"`, `"\u006d"`),
		"one name for each of several": swap("treeSize", "tree_size", `"8"`, `"8","rootHash":null`),
	} {
		var got bundlepb.Bundle
		if err := strict.UnmarshalProto([]byte(text), 16, nil, &got); err != nil || !proto.Equal(&got, &want) {
			t.Errorf("%s: %v\n%v", name, err, &got)
		}
	}
}

func TestUnmarshalProtoRefusesTwoReadings(t *testing.T) {
	swap := func(from, to string) string { return strings.Replace(plainBundle, from, to, 1) }
	for name, c := range map[string]struct{ text, says string }{
		"a name twice":               {swap(`"hint":"h"`, `"hint":"h","hint":"h"`), "duplicate"},
		"a name twice, once escaped": {swap(`"hint":"h"`, `"hint":"h","\u0068int":"h"`), "duplicate"},
		"both names of a member":     {swap(`"keyId":"AAECAw=="`, `"keyId":"AAECAw==","key_id":"AAECAw=="`), "duplicate"},
		"a case variant":             {swap(`"mediaType"`, `"MediaType"`), "unknown member"},
		"a case variant beside":      {swap(`{"mediaType"`, `{"mediatype":"x","mediaType"`), "unknown member"},
		"an unknown name":            {swap(`{"mediaType"`, `{"more":"x","mediaType"`), "unknown member"},
		"trailing data":              {plainBundle + "{}", "after the end"},
		"invalid UTF-8":              {swap(`"m"`, "\"\xff\""), "UTF-8"},
		"half a surrogate":           {swap(`"m"`, `"\ud800"`), "surrogate"},
		"a byte order mark":          {"\xef\xbb\xbf" + plainBundle, "byte order mark"},
		"loose bits in base64":       {swap("+/8=", "+/9="), "base64"},
		"two alphabets of base64":    {swap("+/8=", "+_8="), "base64"},
		"white space in base64":      {swap("+/8=", "+/ 8="), "base64"},
		"a padded integer":           {swap(`"7"`, `"07"`), "plain integer"},
		"an exponent":                {swap(`"7"`, `7e0`), "plain integer"},
		"a fraction":                 {swap(`"7"`, `7.0`), "plain integer"},
		"a number that is rounded":   {swap(`"7"`, `9007199254740993`), "2^53"},
		"a number beyond 64 bits":    {swap(`"7"`, `"9223372036854775808"`), "plain integer"},
		"an unknown enumeration":     {swap("SHA2_256", "SHA9"), "enum"},
		"a boolean":                  {swap(`"7"`, "true"), "want an integer"},
		"an array":                   {"[]", "want an object"},
		"null":                       {"null", ""},
	} {
		var got bundlepb.Bundle
		if err := strict.UnmarshalProto([]byte(c.text), 16, nil, &got); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestUnmarshalProtoBoundsLists(t *testing.T) {
	var got bundlepb.Bundle
	text := []byte(strings.Replace(plainBundle, `["+/8="]`, `["+/8=","+/8="]`, 1))
	err := strict.UnmarshalProto(text, 16, map[string]int{"hashes": 1}, &got)
	if !errors.Is(err, strict.ErrTooMany) {
		t.Error(err)
	}
	if err := strict.UnmarshalProto(text, 3, nil, &got); !errors.Is(err, strict.ErrTooDeep) {
		t.Error(err)
	}
}
