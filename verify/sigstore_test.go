package verify_test

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// sigstoreBundle returns the digest of the one Sigstore bundle in a forge.
func sigstoreBundle(t *testing.T, f *fixture.Forge) oci.Digest {
	t.Helper()
	for d, raw := range f.Blobs {
		if strings.HasPrefix(string(raw), `{"mediaType":"application/vnd.dev.sigstore.bundle`) {
			return d
		}
	}
	t.Fatal("no Sigstore bundle")
	return ""
}

// flip changes one bit in the base64 value of a member, and keeps it canonical.
func flip(member string, at int) func(string) string {
	re := regexp.MustCompile(`"` + member + `":"([^"]*)"`)
	return func(s string) string {
		m := re.FindStringSubmatch(s)
		raw, err := base64.StdEncoding.DecodeString(m[1])
		if err != nil {
			panic(err)
		}
		raw[at] ^= 1
		return strings.Replace(s, m[1], base64.StdEncoding.EncodeToString(raw), 1)
	}
}

func swap(old, text string) func(string) string {
	re := regexp.MustCompile(old)
	return func(s string) string {
		if !re.MatchString(s) {
			panic("nothing to swap: " + old)
		}
		done := false
		return re.ReplaceAllStringFunc(s, func(m string) string {
			if done {
				return m
			}
			done = true
			return re.ReplaceAllString(m, text)
		})
	}
}

// withoutEntries removes the log entries.
func withoutEntries(s string) string {
	top := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(s), &top); err != nil {
		panic(err)
	}
	material := map[string]json.RawMessage{}
	if err := json.Unmarshal(top["verificationMaterial"], &material); err != nil {
		panic(err)
	}
	delete(material, "tlogEntries")
	top["verificationMaterial"], _ = json.Marshal(material)
	out, err := json.Marshal(top)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// TestSigstoreBundleThreats changes one thing in a real Sigstore bundle, which is not
// signed as a whole, and hashes everything above it again.
func TestSigstoreBundleThreats(t *testing.T) {
	raw := fixture.Bundle(t, "bundle:v1")
	for _, c := range []struct {
		name string
		edit func(string) string
		want string
	}{
		{"signed entry timestamp flipped", flip("signedEntryTimestamp", 20), "rekor.set"},
		{"log index changed", swap(`"logIndex":"(\d+)"`, `"logIndex":"9$1"`), "rekor.set"},
		{"integrated time changed", swap(`"integratedTime":"(\d+)"`, `"integratedTime":"1$1"`), "rekor.set"},
		{"log id of an unknown log", flip("keyId", 0), "rekor.log-id"},
		{"body altered", flip("canonicalizedBody", 200), "rekor.encoding rekor.set rekor.inclusion"},
		{"proof root flipped", flip("rootHash", 0), "rekor.inclusion rekor.checkpoint"},
		{"proof tree size changed", swap(`"treeSize":"(\d+)"`, `"treeSize":"9$1"`), "rekor.inclusion rekor.checkpoint"},
		{"checkpoint of another size", swap(`"envelope":"([^\\]+)\\n(\d+)\\n`, `"envelope":"$1\n9$2\n`), "rekor.checkpoint"},
		{"payload altered", flip("payload", 40), "signature.claims signature.crypto rekor.payload"},
		{"signature flipped", flip("sig", 30), "signature.crypto rekor.signature"},
		{"payload type other than in-toto", swap(`"payloadType":"[^"]*"`, `"payloadType":"text/plain"`), "signature.claims"},
		{"two signatures", swap(`"signatures":\[(\{[^]]*\})\]`, `"signatures":[$1,$1]`), "signature.encoding"},
		{"unknown member", swap(`^\{`, `{"extra":1,`), "signature.encoding"},
		{"snake case", swap(`"mediaType"`, `"media_type"`), ""},
		{"white space", func(s string) string { return s + " " }, ""},
		{"no log entry", withoutEntries, "rekor.present"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fixture.Open(raw)
			f.Edit(sigstoreBundle(t, f), c.edit)
			rep := fixture.Verify(t, f.Build(), fixture.Options())
			if got := strings.Join(fixture.Failed(rep), " "); got != c.want {
				t.Errorf("failed %q, want %q", got, c.want)
			}
		})
	}
}

// TestBrokenBundle: a broken Sigstore bundle does no harm beside a good signature,
// and alone it does not verify.
func TestBrokenBundle(t *testing.T) {
	broken := func(t *testing.T, image string) *verify.Report {
		f := fixture.Open(fixture.Bundle(t, image))
		f.Edit(sigstoreBundle(t, f), flip("sig", 30))
		return fixture.Verify(t, f.Build(), fixture.Options())
	}
	if rep := broken(t, "both:v1"); rep.Verdict != check.Verified || !slices.Contains(fixture.Noted(rep), "signature.crypto") {
		t.Errorf("beside a good one: failed %v, noted %v", fixture.Failed(rep), fixture.Noted(rep))
	}
	if rep := broken(t, "bundle:v1"); rep.Verdict != check.Rejected || rep.Failures[0].Class != "signature" {
		t.Errorf("alone: failed %v", fixture.Failed(rep))
	}
	opt := fixture.Options()
	opt.RequireAll = true
	f := fixture.Open(fixture.Bundle(t, "both:v1"))
	f.Edit(sigstoreBundle(t, f), flip("sig", 30))
	if rep := fixture.Verify(t, f.Build(), opt); rep.Verdict != check.Rejected {
		t.Error("--require-all accepts a broken signature")
	}
}
