package verify_test

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
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
