package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
)

// The report's contract: the members of each object, in any order. A member may
// be added here; none may ever be taken away.
var contract = map[string]string{
	"":                             "anchors blobs bundle bundleKeys checks clock command failures images policy schema seal tool totals transfer verdict verifiedAt waivers",
	".bundle":                      "fileDigest identity path size volumes",
	".bundle.volumes[]":            "digest name size",
	".clock":                       "host source",
	".anchors[]":                   "fingerprint kind name newest path source",
	".policy":                      "digest name path",
	".transfer":                    "authoriser classification destination direction disposition handOvers id media operator reason scan secondPerson source",
	".transfer.handOvers[]":        "at from to",
	".transfer.media":              "label serial type writeProtected",
	".transfer.scan":               "definitions destination scanner source",
	".bundleKeys[]":                "fingerprint pem pinned",
	".blobs[]":                     "digest images mediaType roles size state",
	".images[]":                    "attestations boundBy claimedReference digest evidence platforms signatures verdict vouchedBy",
	".images[].evidence[]":         "digest judged kind subject",
	".images[].signatures[]":       "certificateAuthority counts digest form good identity issuer key log payload subject timeSource timestampAuthority trustedTime",
	".images[].signatures[].log":   "integratedTime kind log logID logIndex",
	".images[].attestations[]":     "certificateAuthority counts digest form good identity issuer key log payload predicateType subject timeSource timestampAuthority trustedTime",
	".images[].attestations[].log": "integratedTime kind log logID logIndex",
	".checks[]":                    "class detail expected found id remedy status subject",
	".failures[]":                  "class detail expected found id remedy status subject",
	".totals":                      "blobs bytes judgedBytes unjudgedBytes",
	".tool":                        "digest go name version",
}

func TestJSONKeepsItsContract(t *testing.T) {
	full := fixture.Options()
	full.Tool.Go = "go1.26"
	full.Policy = &verify.Policy{Name: "imports", Path: "policy.yaml", Digest: "sha256:00", JudgeUnlisted: true}
	full.Transfer = &verify.Transfer{HandOvers: []verify.HandOver{{}}}
	bare := full
	bare.Keys, bare.Logs = nil, nil
	seen := map[string]bool{}
	inVolumes := fixture.Verify(t, fixture.Bundle(t, "app:v1"), full)
	inVolumes.Bundle.Volumes = []verify.Volume{{Name: "app.tar.001", Size: 1}}
	for _, doc := range []map[string]any{
		object(t, fixture.Verify(t, fixture.Bundle(t, "app:v1", "multi:v1"), full)),
		object(t, inVolumes),
		object(t, fixture.Verify(t, fixture.Bundle(t, "wrongkey:v1"), full)),
		object(t, fixture.Verify(t, fixture.Bundle(t, "notlog:v1"), bare)),
		object(t, fixture.Verify(t, []byte("no bundle at all"), bare)),
	} {
		checkObject(t, "", doc, seen)
	}
	for path := range contract {
		if !seen[path] {
			t.Errorf("no report of this test has %q", path)
		}
	}
}

func object(t *testing.T, rep *verify.Report) (doc map[string]any) {
	t.Helper()
	var b bytes.Buffer
	if err := JSON(&b, rep); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func checkObject(t *testing.T, path string, doc map[string]any, seen map[string]bool) {
	t.Helper()
	seen[path] = true
	if got, want := strings.Join(slices.Sorted(maps.Keys(doc)), " "), contract[path]; got != want {
		t.Errorf("%q has the members %s, want %s", path, got, want)
	}
	for name, v := range doc {
		checkValue(t, path+"."+name, v, seen)
	}
}

func checkValue(t *testing.T, path string, v any, seen map[string]bool) {
	t.Helper()
	if strings.HasSuffix(path, ".payload") || strings.HasSuffix(path, ".payload[]") {
		return // the publisher's own
	}
	switch v := v.(type) {
	case map[string]any:
		checkObject(t, path, v, seen)
	case []any:
		for _, e := range v {
			checkValue(t, path+"[]", e, seen)
		}
	case string:
		if v == "" && path != ".bundle.path" {
			t.Errorf("%s is empty, want null", path)
		}
	case nil:
		checkNull(t, path)
	}
}

// nullable are the members that may be absent. A list that holds nothing is [].
var nullable = "newest policy transfer seal digest certificateAuthority timestampAuthority mediaType fileDigest identity expected found remedy subject path name key log payload trustedTime kind issuer timeSource integratedTime predicateType authoriser classification destination direction disposition id operator reason secondPerson source at from to label serial type writeProtected definitions scanner"

func checkNull(t *testing.T, path string) {
	t.Helper()
	if name := path[strings.LastIndex(path, ".")+1:]; !slices.Contains(strings.Fields(nullable), name) {
		t.Errorf("%s is null", path)
	}
}

func TestJSONSaysNullForWhatIsAbsent(t *testing.T) {
	doc := object(t, fixture.Verify(t, fixture.Bundle(t, "notlog:v1"), fixture.Options()))
	bundle := doc["bundle"].(map[string]any)
	image := doc["images"].([]any)[0].(map[string]any)
	signature := image["signatures"].([]any)[0].(map[string]any)
	for what, v := range map[string]any{"fileDigest": bundle["fileDigest"], "log": signature["log"], "trustedTime": signature["trustedTime"]} {
		if v != nil {
			t.Errorf("%s is %v, want null", what, v)
		}
	}
	if got := object(t, fixture.Verify(t, []byte("no bundle at all"), fixture.Options()))["images"]; len(got.([]any)) != 0 {
		t.Errorf("images is %v, want []", got)
	}
}

// A document is safe where it is shown: no markup, nothing that a terminal obeys.
func TestJSONIsSafeToShow(t *testing.T) {
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), fixture.Options())
	rep.Images[0].ClaimedReference = "</script>\u009b2J\u202e"
	rep.Images[0].Signatures[0].Payload = verify.RawJSON("{\"a\":\"<b>\u202e\"}")
	var b bytes.Buffer
	if err := JSON(&b, rep); err != nil {
		t.Fatal(err)
	}
	if i := strings.IndexAny(b.String(), "<>\u009b\u202e"); i >= 0 {
		t.Errorf("found %q", b.String()[i:i+10])
	}
	for _, want := range []string{`"\u003c/script\u003e\u009b2J\u202e"`, `"a": "\u003cb\u003e\u202e"`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("want %s in %s", want, b.String())
		}
	}
}
