package bundle

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

// TestFurtherAtMost wants export to count no fewer log entries and timestamps than
// verify reads, however a Sigstore bundle is spelt.
func TestFurtherAtMost(t *testing.T) {
	const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	list := func(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	entry := `{"logIndex":"1","logId":{"keyId":"AAAA"}}`
	stamp := `{"signedTimestamp":"AAAA"}`
	for _, c := range []struct {
		material string
		want     int64
	}{
		{``, 0},
		{`"tlogEntries":[` + entry + `]`, 0},
		{`"tlogEntries":[` + list(3, entry) + `]`, 2},
		{`"tlog_entries":[` + list(3, entry) + `]`, 2},
		{`"tlog\u0045ntries":[` + list(3, entry) + `]`, 2},
		{`"tlogEntries" : [` + list(32, entry) + `],"timestampVerificationData":{"rfc3161Timestamps":[` +
			list(32, stamp) + `]}`, 62},
		{`"timestampVerificationData":{"rfc3161_timestamps":[` + list(2, stamp) + `]}`, 1},
		{`"tlogEntries":null`, 0},
		{`"tlogEntries":[` + list(3, "null") + `]`, 2},
		{`"tlogEntries":[` + list(40, entry) + `]`, 39},
		{`"tlogEntries":[`, maxFurther},
	} {
		raw := fmt.Appendf(nil, `{"mediaType":"%s","verificationMaterial":{%s}}`, mediaType, c.material)
		if got := furtherAtMost(raw); got != c.want {
			t.Errorf("%.60s: %d, want %d", c.material, got, c.want)
		}
		if b, _ := evidence.ReadBundle(raw, mediaType); b != nil {
			if read := max(len(b.Entries)-1, 0) + max(len(b.Timestamps)-1, 0); int64(read) > c.want {
				t.Errorf("%.60s: verify reads %d", c.material, read)
			}
		}
	}
}

// FuzzFurtherAtMost wants the same of any text.
func FuzzFurtherAtMost(f *testing.F) {
	const mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
	samples, _ := filepath.Glob("../verify/evidence/testdata/*.json")
	for _, name := range samples {
		if raw, err := os.ReadFile(name); err == nil {
			f.Add(raw)
		}
	}
	f.Add([]byte("\ufeff" + `{"verificationMaterial":{"tlogEntries":[{},{}]},"mediaType":"` + mediaType + `"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, _ := evidence.ReadBundle(raw, mediaType)
		if b == nil {
			return
		}
		if read := max(len(b.Entries)-1, 0) + max(len(b.Timestamps)-1, 0); int64(read) > furtherAtMost(raw) {
			t.Errorf("verify reads %d, export counts %d", read, furtherAtMost(raw))
		}
	})
}

func TestEvidenceBudget(t *testing.T) {
	lim := oci.Limits{Signatures: 10, Metadata: 1000}
	subject := func(i int) oci.Digest { return oci.FromBytes(fmt.Append(nil, i)) }
	oneImage := func(i int) (int, oci.Digest) { return 0, subject(i) }
	oneManifest := func(int) (int, oci.Digest) { return 0, subject(0) }
	many := func(i int) (int, oci.Digest) { return i, subject(i) }
	for name, c := range map[string]struct {
		each EvidenceCost
		of   func(i int) (image int, subject oci.Digest)
		fit  int
		want check.ID
	}{
		"signatures of one image":             {EvidenceCost{Signatures: 1}, oneImage, 10, check.LimitSigs},
		"signatures of all images":            {EvidenceCost{Signatures: 1}, many, 200, check.LimitSigs},
		"further log entries of one manifest": {EvidenceCost{Further: 1}, oneManifest, 10, check.LimitSigs},
		"further log entries of all":          {EvidenceCost{Further: 1}, oneImage, 200, check.LimitSigs},
		"bytes of one image":                  {EvidenceCost{Bytes: 100}, oneImage, 10, check.LimitMetadata},
		"bytes of all images":                 {EvidenceCost{Bytes: 100}, many, 40, check.LimitMetadata},
	} {
		b := NewEvidenceBudget(lim)
		for i := range c.fit {
			image, subject := c.of(i)
			if f := b.Spend(image, subject, c.each); f != nil {
				t.Fatalf("%s: %d: %v", name, i, f)
			}
		}
		for range 2 { // what does not fit is not counted
			image, subject := c.of(c.fit)
			if f := b.Spend(image, subject, c.each); f == nil || f.ID != c.want {
				t.Errorf("%s: fault %v, want %s", name, f, c.want)
			}
		}
	}
}
