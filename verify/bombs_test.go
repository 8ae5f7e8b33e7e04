package verify_test

import (
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// listedTimes lists one blob n times as evidence of the image, in one manifest.
func listedTimes(mediaType string, kind oci.Kind, blob []byte, n int) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		img := &f.Inventory.Images[0]
		layer := fixture.Describe(mediaType, f.Add(blob), int64(len(blob)))
		raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","artifactType":"%s","config":%s,"layers":[%s],"subject":%s}`,
			oci.TypeManifest, mediaType, fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2),
			strings.TrimSuffix(strings.Repeat(layer+",", n), ","), described(img.Node))
		f.AddEvidence(0, kind, f.Add([]byte(raw)), img.Digest)
	}
}

// paddedStatement is an in-toto statement of about n bytes, signed by nothing.
func paddedStatement(n int) []byte {
	return []byte(`{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://example.com/p","subject":[],` +
		`"predicate":{"a":"` + strings.Repeat("A", n) + `"}}`)
}

func manyStatements(size, n int) func(*fixture.Forge) {
	return listedTimes(oci.TypeInToto, oci.KindInToto, paddedStatement(size), n)
}

// TestBombs lists small blobs so often, and in so many places, that reading each
// listing would take more memory and time than the whole file does.
func TestBombs(t *testing.T) {
	metadata := oci.Limits{Metadata: 400_000}
	entry := `{"logIndex":"1","logId":{"keyId":"AAAA"},"kindVersion":{"kind":"dsse","version":"0.0.1"},` +
		`"canonicalizedBody":"AAAA","inclusionProof":{"checkpoint":{"envelope":"x"}}}`
	logged := []byte(`{"mediaType":"` + fixture.TypeSigstoreBundle + `","verificationMaterial":{"publicKey":{"hint":"x"},` +
		`"tlogEntries":[` + strings.TrimSuffix(strings.Repeat(entry+",", 20), ",") + `]},` +
		`"dsseEnvelope":{"payloadType":"` + oci.TypeInToto + `","payload":"AAAA","signatures":[{"sig":"AAAA"}]}}`)
	names := func(n int) func(*fixture.Forge) {
		return func(f *fixture.Forge) {
			manyStatements(100_000, 3)(f)
			img := f.Inventory.Images[0]
			f.Inventory.Images = []bundle.Image{}
			for i := range n {
				img.Reference = fmt.Sprintf("%sapp:t%03d", fixture.Host, i)
				f.Inventory.Images = append(f.Inventory.Images, img)
			}
		}
	}
	for _, bomb := range []struct {
		name   string
		forge  func(*fixture.Forge)
		limits oci.Limits
		want   string // ids of the failed checks, in order
	}{
		{"a statement listed three times, within the budget", manyStatements(100_000, 3), metadata, ""},
		{"a statement listed ten times, over the budget of one image", manyStatements(100_000, 10), metadata, "limit.metadata"},
		{"an image with such statements under twenty names, over the budget of all", names(20), metadata, "limit.metadata"},
		{"a signature with twenty log entries counts as twenty",
			listedTimes(fixture.TypeSigstoreBundle, oci.KindBundle, logged, 1), oci.Limits{Signatures: 10}, "limit.signatures"},
	} {
		t.Run(bomb.name, func(t *testing.T) {
			f := fixture.Open(fixture.Bundle(t, "app:v1"))
			bomb.forge(f)
			answers(t, f.Build(), fixture.Options(), "limit", bomb.want, "", bomb.limits)
		})
	}
}

// TestBombMemory verifies bombs at the default limits, and counts all the bytes that
// it allocates, not only those in use at a time.
func TestBombMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	var names bytes.Buffer
	for i := range 300_000 {
		fmt.Fprintf(&names, `"%06d":"",`, i)
	}
	for name, bomb := range map[string]struct {
		want  string
		forge func(*fixture.Forge)
	}{
		"15 MiB listed 900 times": {"limit.metadata", manyStatements(15<<20, 900)},
		"annotations": {"manifest.json", func(f *fixture.Forge) {
			img := &f.Inventory.Images[0]
			for i := range 10 {
				raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"%s","artifactType":"application/x-%d","config":%s,`+
					`"layers":[],"annotations":{%s},"subject":%s}`, oci.TypeManifest, i,
					fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2), bytes.TrimSuffix(names.Bytes(), []byte(",")),
					described(img.Node))
				f.AddEvidence(0, oci.KindReferrer, f.Add([]byte(raw)), img.Digest)
			}
		}},
	} {
		f := fixture.Open(fixture.Bundle(t, "app:v1"))
		bomb.forge(f)
		raw := f.Build()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		failed := strings.Join(fixture.Failed(fixture.Verify(t, raw, fixture.Options())), " ")
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 256<<20 || failed != bomb.want {
			t.Errorf("%s: %d MiB allocated, failed [%s], want [%s]", name, n>>20, failed, bomb.want)
		}
	}
}

// TestReportIsBounded: of many answers that are alike, a report lists a thousand and
// gives the number of the others; each image keeps its own verdict.
func TestReportIsBounded(t *testing.T) {
	f := fixture.Open(fixture.Bundle(t, "app:v1"))
	signedTimes(60)(f)
	good := f.Inventory.Images[0]
	bad := good
	bad.Evidence = []bundle.Evidence{}
	f.Inventory.Images = []bundle.Image{}
	for i := range 20 {
		good.Reference = fmt.Sprintf("%sapp:t%03d", fixture.Host, i)
		f.Inventory.Images = append(f.Inventory.Images, good)
	}
	for i := range 1_100 {
		bad.Reference = fmt.Sprintf("%sapp:u%05d", fixture.Host, i)
		f.Inventory.Images = append(f.Inventory.Images, bad)
	}
	rep := fixture.Verify(t, f.Build(), publisher().Options())
	alike := map[string]int{}
	more := map[string]string{}
	for _, c := range rep.Checks {
		name := string(c.ID) + " " + string(c.Status)
		if alike[name]++; alike[name] > 1_000 {
			more[name] = c.Detail
		}
	}
	for name, want := range map[string]string{
		"signature.crypto pass":  "and 220 more like these, which are not listed",
		"signature.present fail": "and 100 more like these, which are not listed",
	} {
		if alike[name] != 1_001 || more[name] != want {
			t.Errorf("%s: %d answers, the last %q", name, alike[name], more[name])
		}
	}
	if n := len(rep.Images[19].Signatures); n != 60 || !rep.Images[19].Signatures[59].Good {
		t.Errorf("%d signatures of an image are listed", n)
	}
	if last := rep.Images[len(rep.Images)-1]; rep.Images[0].Verdict != check.Rejected || last.Verdict != check.Rejected {
		t.Errorf("the first image is %s, the last %s", rep.Images[0].Verdict, last.Verdict)
	}
}

// TestTriesInVain: signatures that none of many pinned keys made use up a budget. One
// that comes with its key is tried in any case.
func TestTriesInVain(t *testing.T) {
	f := fixture.Open(fixture.Bundle(t, "app:v1"))
	f.Inventory.Keys = []bundle.Key{}
	other := fixture.NewSigner(t)
	stages := slices.Repeat([]fixture.Stages{{Key: other.Key, NoLog: true}}, 230)
	publisher().SignForge(f, 0, append(stages, fixture.Stages{})...)
	raw := f.Build()
	opt := publisher().Options()
	for range 100 {
		opt.Keys = append(opt.Keys, fixture.NewSigner(t).Public())
	}
	rep := fixture.Verify(t, raw, opt)
	if rep.Verdict != check.Verified || !slices.Contains(fixture.Noted(rep), "limit.signatures") {
		t.Errorf("verdict %s, failed %v, noted %v", rep.Verdict, fixture.Failed(rep), fixture.Noted(rep))
	}
	opt.RequireAll = true
	if failed := fixture.Failed(fixture.Verify(t, raw, opt)); !slices.Contains(failed, "limit.signatures") {
		t.Errorf("failed %v", failed)
	}
}
