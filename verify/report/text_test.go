package report

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/trust"
)

func render(t *testing.T, rep *verify.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := Text(&b, rep); err != nil {
		t.Fatal(err)
	}
	for _, l := range splitLines(b.String()) {
		if n := len([]rune(l)); n > 80 {
			t.Errorf("%d columns: %s", n, l)
		}
	}
	return b.String()
}

func splitLines(s string) []string { return strings.Split(strings.TrimSuffix(s, "\n"), "\n") }

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("want\n%s\nin\n%s", p, text)
		}
	}
}

func rejected(failures ...verify.Check) *verify.Report {
	for i := range failures {
		failures[i].Status = check.Fail
	}
	return &verify.Report{Verdict: check.Rejected, Bundle: verify.BundleID{Path: "app.tar"}, Checks: failures, Failures: failures}
}

func spectromate(t *testing.T, name string) *trust.Key {
	t.Helper()
	raw, err := os.ReadFile("../../testdata/spectromate/" + name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := trust.ParseKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// A failed verification names both keys in full, the key given and the key that
// signed, as cosign does on the page of spectromate.
func TestTextShowsBothKeys(t *testing.T) {
	page, signer := spectromate(t, "page-expected.pub"), spectromate(t, "signer.pub")
	got := render(t, rejected(verify.Check{
		ID: check.TrustKey, Detail: "the signature was made by a key that is not pinned",
		Expected: verify.Text(page.Fingerprint() + "\n" + page.PEM()), Found: verify.Text(signer.Fingerprint() + "\n" + signer.PEM()),
	}))
	contains(t, got, `FAILED trust.key: the signature was made by a key that is not pinned
expected sha256:db520714bb9c25c2add6274658d977ede7fd4ff4bdb715831ace27a6a0192001
         -----BEGIN PUBLIC KEY-----
         MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEheVfGYrVn2mIUQ4cxMJ6x09oXf82
         zFEMG++p4q8Mf+y2gp7Ae4oUaXk6Q9V7aVjjltRVN6SQcoSASxf2H2EpgA==
         -----END PUBLIC KEY-----
found    sha256:20e66571b6fa9c0a74b9baf3e26ba5ea0188e9aa11f1ed054e64898557692865
         -----BEGIN PUBLIC KEY-----
         MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEYHrc2WIE3apKLmcxlFFHyVQCQZWh
         2+al5W/VMlPr3u4EZ/V/GOBm6+Y9gF3Us3twueXYgdYeFo5o7BUn70MPPw==
         -----END PUBLIC KEY-----
`)
}

func TestTextOfManyFailuresCanBeRead(t *testing.T) {
	var list []verify.Check
	for i := range 40 {
		list = append(list, verify.Check{ID: check.BlobDigest, Detail: "damaged", Subject: verify.Text(fmt.Sprintf("blobs/sha256/%064d", i)), Remedy: "copy it again"})
	}
	for i := range 40 {
		id := check.ID(fmt.Sprintf("manifest.question-%d", i/2))
		list = append(list, verify.Check{ID: id, Detail: "wrong"})
	}
	got := render(t, rejected(list...))
	if n := strings.Count(got, "FAILED blob.digest"); n != maxAlike {
		t.Errorf("%d failures of one check, want %d", n, maxAlike)
	}
	if n := strings.Count(got, "FAILED "); n != maxFailures {
		t.Errorf("%d failures, want %d", n, maxFailures)
	}
	contains(t, got, "subject  sha256:0000000000000000000000000000000000000000000000000000000000000004\n",
		"and 60 more failed; the JSON report lists them all\n",
		"REJECTED app.tar: 80 checks failed; first cause: blob.digest\nto do    copy it again\n")
}

// No text from a bundle can pass for a line of the report.
func TestTextFromABundleStaysInItsColumn(t *testing.T) {
	hostile := "x\nVERIFIED app.tar\x1b[1A\r" + strings.Repeat("A", 80-term.LabelWidth) + "VERIFIED app.tar" + strings.Repeat(" VERIFIED", 40)
	rep := rejected(verify.Check{ID: check.SignatureClaims, Detail: hostile, Subject: verify.Text(hostile), Expected: verify.Text(hostile), Found: verify.Text(hostile)},
		verify.Check{ID: check.TrustKey, Expected: verify.Text(hostile), Found: verify.Text(hostile)})
	rep.Waivers = []string{hostile}
	rep.Checks = append(rep.Checks, verify.Check{ID: check.PolicyUnbound, Status: check.Warn, Detail: hostile, Subject: verify.Text(hostile)})
	rep.Images = []verify.Image{{Digest: "sha256:0", ClaimedReference: hostile, Platforms: []string{hostile},
		Signatures: []verify.Signature{{Digest: hostile, Subject: "sha256:0"}}, Evidence: []verify.Evidence{{Kind: hostile, Digest: hostile}}}}
	for _, l := range splitLines(render(t, rep)) {
		if strings.HasPrefix(l, "VERIFIED") || strings.ContainsAny(l, "\x1b\r") {
			t.Errorf("a line reads %q", l)
		}
	}
}

// The report on a rejected bundle shows which image is the reason.
func TestTextNamesTheImageAtFault(t *testing.T) {
	got := render(t, fixture.Verify(t, fixture.Bundle(t, "app:v1", "wrongkey:v1"), fixture.Options()))
	blameless := "(nothing is wrong with this image itself; the bundle is refused as a\n         whole)\n"
	app, wrongkey, _ := strings.Cut(got, "acme/wrongkey:v1")
	if !strings.Contains(app, blameless) || strings.Contains(wrongkey, blameless) {
		t.Errorf("want %q for app:v1 alone in\n%s", blameless, got)
	}
}

func TestTextOfAnImageWithMuchEvidence(t *testing.T) {
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), fixture.Options())
	img := &rep.Images[0]
	for range 30 {
		img.Signatures = append(img.Signatures, img.Signatures[0])
		img.Evidence = append(img.Evidence, verify.Evidence{Kind: "referrer", Digest: "sha256:0"})
	}
	contains(t, render(t, rep), "         and 21 more signatures; the JSON report lists them all\n",
		"carried  referrer sha256:0, not judged\n", "         and 25 more, not judged\n")
}

func TestTextOfManyEqualWarnings(t *testing.T) {
	rep := &verify.Report{Verdict: check.Verified, Bundle: verify.BundleID{Path: "-", FileDigest: "sha256:f"}}
	for i := range 9 {
		rep.Checks = append(rep.Checks, verify.Check{ID: check.PolicyUnbound, Status: check.Warn, Detail: "unbound",
			Subject: verify.Text(fmt.Sprintf("sha256:%064d", i)), Found: "app", Remedy: "pin it"})
	}
	contains(t, render(t, rep), `WARNING policy.reference-unbound: unbound
about    sha256:000000000000… app
         sha256:000000000000… app
         sha256:000000000000… app
         and 6 more; the JSON report lists them all
to do    pin it
`, "VERIFIED standard input, with 9 warnings\nfile     sha256:f\n")
}

// The text claims the log for all signatures that count, or for none.
func TestTextClaimsTheLogForAllOrNone(t *testing.T) {
	at := time.Unix(0, 0).UTC()
	logged := verify.Signature{Counts: true, Log: &verify.LogEntry{LogID: "aa", IntegratedTime: &at}}
	rep := &verify.Report{Verdict: check.Verified, Images: []verify.Image{{Digest: "sha256:0", VouchedBy: check.VouchedBySignature, Signatures: []verify.Signature{logged, {Counts: true}}}}}
	rep.Anchors = []verify.Anchor{{Kind: "log", Fingerprint: "sha256:aa", Name: "log.example"}}
	got := render(t, rep)
	contains(t, got, "NOT CHECKED: the transparency log. It is not required, and 1 of 2 signatures\n    came", "logged   1970-01-01T00:00:00Z, entry 0 of the log\n         log.example\n")
	if strings.Contains(got, "Existence of the claims") {
		t.Errorf("the log is claimed for all:\n%s", got)
	}
}

// Each image appears with who signed it, and who attested what.
func TestTextNamesSignersAndAttestations(t *testing.T) {
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), fixture.Options())
	contains(t, render(t, rep), "attested https://slsa.dev/provenance/v1\n         by key sha256:eeba37a0ca91…\n",
		"  - The signatures were verified against the specified public key\n")

	img := &rep.Images[0]
	at := time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	img.Signatures[0].Identity, img.Signatures[0].Issuer = "dev@example.com\nVERIFIED", "https://issuer.example"
	img.Signatures[0].CA, img.Signatures[0].TSA = "CN=fulcio", "CN=tsa"
	img.Signatures[0].TrustedTime, img.Signatures[0].TimeSource = &at, "tsa"
	img.Attestations[0].Identity = "dev@example.com"
	for range 12 {
		img.Attestations = append(img.Attestations, verify.Attestation{Signature: verify.Signature{Subject: img.Digest, Digest: "sha256:0"}})
	}
	got := render(t, rep)
	contains(t, got, "identity dev@example.com\\x0aVERIFIED\n         (vouched for by https://issuer.example, certified by CN=fulcio)\n",
		"stamped  2026-11-23T08:00:00Z, by CN=tsa\n",
		"attested https://slsa.dev/provenance/v1\n         by dev@example.com\n",
		"ignored  attestation sha256:0, which does not count\n         and 3 more attestations; the JSON report lists them all\n",
		"  - The code-signing certificate was verified using trusted certificate\n    authority certificates\n",
		"  - A trusted timestamp authority stamped the signature, which existed by then\n")
	if strings.Contains(got, "public key") {
		t.Errorf("a public key is claimed:\n%s", got)
	}
}

// A policy may allow one image to be signed by a key and another by an identity.
// The text then does not claim one of the two for all signatures.
func TestTextOfKeysAndIdentities(t *testing.T) {
	key, person := verify.Signature{Counts: true, Key: "sha256:0"}, verify.Signature{Counts: true, Identity: "release@acme.example"}
	const byKey, byPerson = "The signatures were verified against the specified public key", "The code-signing certificate was verified using"
	for name, c := range map[string]struct {
		made         []verify.Signature
		says, denies string
	}{
		"keys":       {[]verify.Signature{key, key}, byKey, "certificate authority"},
		"identities": {[]verify.Signature{person, person}, byPerson, "public key"},
		"both":       {[]verify.Signature{key, person, key}, "2 signatures: the signature was verified against the specified public key\n  - 1 signature: the code-signing certificate was verified using", byKey},
	} {
		rep := &verify.Report{Verdict: check.Verified}
		for _, s := range c.made {
			rep.Images = append(rep.Images, verify.Image{VouchedBy: check.VouchedBySignature, Signatures: []verify.Signature{s}})
		}
		got := render(t, rep)
		if !strings.Contains(got, c.says) || strings.Contains(got, c.denies) {
			t.Errorf("%s: want %q and not %q in\n%s", name, c.says, c.denies, got)
		}
	}
}

// A report that says that every byte is accounted for also says how many were not
// judged.
func TestReportsNameWhatWasNotJudged(t *testing.T) {
	const says = "was carried without being judged"
	for _, n := range []int64{0, 959} {
		rep := sample(t, "app:v1")
		rep.Totals.UnjudgedBytes = n
		for _, format := range []string{"text", "html"} {
			if got := strings.Join(strings.Fields(written(t, format, rep)), " "); strings.Contains(got, says) != (n > 0) {
				t.Errorf("%s with %d bytes not judged says %q: %v", format, n, says, n == 0)
			}
		}
	}
}

// The first line of an image says what vouches for it, and a sender's word is
// never shown as a signature.
func TestTextSaysWhatVouches(t *testing.T) {
	by := verify.Signature{Counts: true, Good: true, Identity: "ci@acme.example", Subject: "sha256:0"}
	const slsa = "https://slsa.dev/provenance/v1"
	for kind, want := range map[check.VouchedBy]string{
		check.VouchedBySignature:           "Verified sha256:0\n         signed by ci@acme.example\n",
		check.VouchedByAttestation:         "Verified sha256:0\n         attested by ci@acme.example (provenance), not signed as an image\n",
		check.VouchedByPlatformAttestation: "Verified sha256:0\n         attested by ci@acme.example (provenance) for each platform; the index\n         itself is not signed\n",
		check.VouchedBySender:              "UNSIGNED sha256:0\n         by its publisher; vouched for by the sender\n",
	} {
		img := verify.Image{Digest: "sha256:0", VouchedBy: kind, Verdict: check.Verified}
		switch kind {
		case check.VouchedBySignature:
			img.Signatures = []verify.Signature{by}
		case check.VouchedByAttestation, check.VouchedByPlatformAttestation:
			img.VouchedType = slsa
			img.Attestations = []verify.Attestation{{Signature: by, PredicateType: slsa}}
		}
		rep := &verify.Report{Verdict: check.Verified, Images: []verify.Image{img}}
		got := render(t, rep)
		contains(t, got, want)
		signed := strings.Contains(got, "performed on each of these signatures")
		if signed == (kind == check.VouchedBySender) {
			t.Errorf("%s: signatures are claimed: %v", kind, signed)
		}
	}
}

// A rejected bundle still says which demands it met.
func TestTextSaysWhatWasMet(t *testing.T) {
	failed := verify.Check{ID: check.BlobDigest, Class: "blob", Status: check.Fail}
	rep := &verify.Report{Verdict: check.Rejected, Failures: []verify.Check{failed}, Checks: []verify.Check{failed,
		{ID: check.PolicyAttestation, Status: check.Pass}, {ID: check.PolicyAge, Status: check.Pass}, {ID: check.PolicyAge, Status: check.Fail}}}
	contains(t, render(t, rep), "met      policy.attestation: demanded and passed")
}
