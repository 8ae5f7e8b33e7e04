package report

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/lock"
)

// contract has the members of each object of a report, in any order. A member may
// be added here; none may ever be removed.
var contract = map[string]string{
	"":                             "anchors blobs bundle bundleKeys checks clock command failures images loaded lock policy schema seal tool totals transfer verdict verifiedAt waivers",
	".bundle":                      "fileDigest identity path size volumes",
	".bundle.volumes[]":            "digest name size",
	".clock":                       "host source",
	".anchors[]":                   "fingerprint kind name newest path source",
	".policy":                      "digest name path",
	".lock":                        "digest images path schema",
	".transfer":                    "authoriser classification destination direction disposition handOvers id media operator reason scan secondPerson source",
	".transfer.handOvers[]":        "at from to",
	".transfer.media":              "label serial type writeProtected",
	".transfer.scan":               "definitions destination scanner source",
	".bundleKeys[]":                "fingerprint pem pinned",
	".blobs[]":                     "digest images mediaType roles size state",
	".images[]":                    "attestations boundBy claimedReference digest evidence leftOut platforms signatures verdict vouchedBy vouchedType",
	".images[].evidence[]":         "digest judged kind subject",
	".images[].signatures[]":       "certificateAuthority counts digest form good identity issuer key log payload subject timeSource timestampAuthority trustedTime",
	".images[].signatures[].log":   "integratedTime kind log logID logIndex",
	".images[].attestations[]":     "certificateAuthority counts digest form good identity issuer key log manifest payload predicateType subject timeSource timestampAuthority trustedTime",
	".images[].attestations[].log": "integratedTime kind log logID logIndex",
	".loaded":                      "complete destination images unfinished unreferenced",
	".loaded.images[]":             "before blobs destination digest error evidence leftOut notes platforms readBack reference skipped tag",
	".loaded.images[].blobs":       "bytes mounted present sent",
	".loaded.unreferenced[]":       "digest repository size",
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
	full.Lock = &lock.Lock{Schema: lock.Schema, Digest: "sha256:01"}
	bare := full
	bare.Keys, bare.Logs = nil, nil
	seen := map[string]bool{}
	inVolumes := fixture.Verify(t, fixture.Bundle(t, "app:v1"), full)
	inVolumes.Bundle.Volumes = []verify.Volume{{Name: "app.tar.001", Size: 1}}
	none := []string{}
	inVolumes.Loaded = &verify.Loaded{
		Destination: "registry.plant:5000",
		Images: []verify.LoadedImage{{Reference: "a/b:v1", Digest: "sha256:00", Destination: "c/b", Before: "absent", Notes: none,
			Platforms: none, LeftOut: none}},
		Unreferenced: []verify.LoadedBlob{{Repository: "c/b", Digest: "sha256:00"}},
	}
	inVolumes.Loaded.Unfinished = verify.LoadInterrupted
	for _, doc := range []map[string]any{
		object(t, fixture.Verify(t, fixture.Bundle(t, "app:v1", "multi:v1"), full)),
		object(t, inVolumes),
		object(t, fixture.Verify(t, fixture.Bundle(t, "wrongkey:v1"), full)),
		object(t, fixture.Verify(t, fixture.Bundle(t, "notlog:v1"), bare)),
		object(t, fixture.Verify(t, []byte("not a bundle at all"), bare)),
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
		return // what the publisher signed
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

// nullable are the members that may be null. An empty list is [].
var nullable = "loaded skipped tag error newest policy lock transfer seal digest certificateAuthority timestampAuthority mediaType fileDigest identity expected found remedy subject path name key log payload trustedTime kind issuer timeSource integratedTime predicateType manifest vouchedType authoriser classification destination direction disposition id operator reason secondPerson source at from to label serial type writeProtected definitions scanner"

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
	if got := object(t, fixture.Verify(t, []byte("not a bundle at all"), fixture.Options()))["images"]; len(got.([]any)) != 0 {
		t.Errorf("images is %v, want []", got)
	}
}

// A document is safe to show: it has no markup and nothing that a terminal obeys.
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

func TestVisibleJSONIsTheSameDocument(t *testing.T) {
	in := `{"a\u001b": "` + "\u009b1m \u202e \U000e0041 \x7f \u2028 ü" + `",` + "\n" + ` "b": [1]}`
	out := escaped(t, in, len(in))
	for n := 1; n < len(in); n++ {
		if pieces := escaped(t, in, n); !bytes.Equal(pieces, out) {
			t.Errorf("in pieces of %d bytes: %s, want %s", n, pieces, out)
		}
	}
	if want := `{"a\u001b": "\u009b1m \u202e \udb40\udc41 \u007f \u2028 ü",` + "\n" + ` "b": [1]}`; string(out) != want {
		t.Errorf("escaped: %s, want %s", out, want)
	}
	var before, after any
	if err := json.Unmarshal([]byte(in), &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &after); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

// Parse reads back what JSON wrote: writing it again gives the same bytes. The
// Rekor bundles for [Cosign] are the only thing that a report loses.
func TestParseReadsWhatJSONWrites(t *testing.T) {
	full := sample(t, "app:v1", "multi:v1", "bundle:v1")
	at := time.Date(2026, 11, 23, 8, 0, 0, 1, time.UTC)
	writeProtected := true
	full.Transfer = &verify.Transfer{
		ID:        "T-1",
		HandOvers: []verify.HandOver{{From: "A", At: &at}},
		Media:     verify.Media{WriteProtected: &writeProtected},
	}
	full.Policy = &verify.PolicyID{Name: "lab", Digest: digestOf(1)}
	full.Lock = &verify.LockID{Schema: lock.Schema, Digest: digestOf(2), Images: 3}
	full.Seal = &verify.Seal{Stream: "prod", Serial: 7, ExportedAt: at}
	full.Bundle.Volumes = []verify.Volume{{Name: "app.tar.001", Size: 1}}
	for name, rep := range map[string]*verify.Report{
		"full":         full,
		"rejected":     sample(t, "wrongkey:v1"),
		"unsigned":     sample(t, "unsigned:v1"),
		"large":        large(t),
		"not a bundle": fixture.Verify(t, []byte("not a bundle at all"), fixture.Options()),
		"attestations": sample(t, "both:v1", "keyless:v1"),
	} {
		first := written(t, "json", rep)
		parsed, err := Parse([]byte(first))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again := written(t, "json", parsed); again != first {
			t.Errorf("%s: written again:\n%s\nfirst:\n%s", name, again, first)
		}
		if got, want := written(t, "text", parsed), written(t, "text", rep); got != want {
			t.Errorf("%s: the text is\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestParseIgnoresNewMembers(t *testing.T) {
	doc := written(t, "json", sample(t, "app:v1"))
	later := strings.Replace(doc, `"bundle": {`, `"later": [{"a": 1}], "bundle": {"later": null,`, 1)
	rep, err := Parse([]byte(later))
	if err != nil {
		t.Fatal(err)
	}
	if written(t, "json", rep) != doc {
		t.Error("the other members are not the same")
	}
}

func TestParseRefuses(t *testing.T) {
	doc := written(t, "json", sample(t, "app:v1"))
	for name, c := range map[string]struct{ from, to, want string }{
		"another schema":         {"gapseal.report/v1", "gapseal.report/v2", "the report's schema: want gapseal.report/v1"},
		"another verdict":        {`"verdict": "verified"`, `"verdict": "fine"`, `the verdict is "fine"`},
		"a verdict alone":        {`"verdict": "verified"`, `"verdict": "rejected"`, "verdict and failures do not agree"},
		"a duplicate name":       {`"clock": {`, `"clock": {}, "clock": {`, "duplicate"},
		"a name in another case": {`"clock": {`, `"Clock": {`, "case variant"},
		"no time":                {`"verifiedAt"`, `"verifiedThen"`, "verifiedAt is missing"},
		"a time of another form": {`"verifiedAt": "2026-`, `"verifiedAt": "26-`, "the report: "},
		"a negative size":        {`"size": `, `"size": -`, "the bundle has -"},
		"an identity too short":  {`"identity": "sha256:`, `"identity": "sha256:0`, "identity: "},
		"no identity":            {`"identity": "sha256:`, `"identity": null, "x": "`, "without an identity"},
		"no image":               {`"images": [`, `"images": [], "later": [`, "without an image"},
		"data after the end":     {"}\n", "}\n{}", "after the end"},
	} {
		i := strings.Index(doc, c.from)
		if name == "data after the end" {
			i = strings.LastIndex(doc, c.from)
		}
		if i < 0 {
			t.Errorf("%s: there is no %s", name, c.from)
			continue
		}
		bad := doc[:i] + c.to + doc[i+len(c.from):]
		if _, err := Parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzParse reads arbitrary documents. Every format can show a report that Parse
// accepts, and Parse accepts it again once JSON has written it.
func FuzzParse(f *testing.F) {
	for _, image := range []string{"app:v1", "wrongkey:v1"} {
		var b bytes.Buffer
		if err := JSON(&b, goldenSample(f, image)); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Add([]byte(`{"schema":"gapseal.report/v1","verdict":"rejected","verifiedAt":"2026-11-24T00:00:00Z","failures":[{}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		rep, err := Parse(doc)
		if err != nil {
			return
		}
		for _, format := range Formats {
			_ = format.Write(io.Discard, rep) // must not panic
		}
		var b bytes.Buffer
		if err := JSON(&b, rep); err != nil {
			return // such as a year that JSON cannot hold
		}
		if _, err := Parse(b.Bytes()); err != nil {
			t.Errorf("written again it is refused: %v\n%s", err, b.Bytes())
		}
	})
}

// escaped writes text in pieces of n bytes.
func escaped(t *testing.T, text string, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	v := &visible{b: bufio.NewWriter(&b)}
	for piece := range slices.Chunk([]byte(text), n) {
		if _, err := v.Write(piece); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.end(); err != nil {
		t.Fatal(err)
	}
	if err := v.b.Flush(); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
