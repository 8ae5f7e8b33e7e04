package report

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

// Each format can write a report that has what the format says it needs, and only
// that.
func TestFormatsStateWhatTheyNeed(t *testing.T) {
	complete := sample(t, "app:v1")
	bare := sample(t, "app:v1")
	bare.Bundle.FileDigest = ""
	inVolumes := sample(t, "app:v1")
	inVolumes.Bundle.Volumes = []verify.Volume{{Name: "app.tar.001", Size: 1}}
	nothing := rejected(verify.Check{ID: check.ContainerWrapper})
	for _, f := range Formats {
		if err := f.Write(io.Discard, complete); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
		if err := f.Write(io.Discard, bare); (err != nil) != f.FileDigest.For(bare) {
			t.Errorf("%s, without a file digest: %v", f.Name, err)
		}
		if err := f.Write(io.Discard, nothing); (err != nil) != f.FileDigest.For(nothing) {
			t.Errorf("%s, with neither identity nor file digest: %v", f.Name, err)
		}
		if err := f.Write(io.Discard, inVolumes); (err != nil) != f.Volumes {
			t.Errorf("%s, without the digests of volumes: %v", f.Name, err)
		}
		if got, ok := FormatNamed(f.Name); !ok || got.Name != f.Name {
			t.Errorf("FormatNamed(%q): %q, %t", f.Name, got.Name, ok)
		}
	}
	if f, ok := FormatNamed("pdf"); ok {
		t.Errorf("there is a format %q", f.Name)
	}
}

// What is signed is the document that the format writes without a signature.
func TestSignedFormats(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := dsse.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	rep, signed := sample(t, "app:v1"), 0
	for _, f := range Formats {
		if f.Sign == nil {
			continue
		}
		signed++
		var b bytes.Buffer
		if err := f.Sign(&b, rep, signer); err != nil {
			t.Fatal(err)
		}
		payload, _, err := dsse.Open(b.Bytes(), oci.TypeInToto, []*trust.Key{signer.Public()})
		if err != nil || string(payload)+"\n" != written(t, f.Name, rep) {
			t.Errorf("%s: %v, signed was %s", f.Name, err, payload)
		}
		if err := f.Sign(io.Discard, &verify.Report{}, signer); err == nil {
			t.Errorf("%s: a report of nothing was signed", f.Name)
		}
	}
	if signed != 1 {
		t.Errorf("%d formats are signed, want the verification summary alone", signed)
	}
}

func TestSHA256OfVolumes(t *testing.T) {
	rep := sample(t, "app:v1")
	rep.Bundle.Volumes = []verify.Volume{
		{Name: "app.tar.001", Digest: verify.Text(digestOf(1))},
		{Name: "app.tar.002", Digest: verify.Text(digestOf(2))},
	}
	want := digestOf(1)[7:] + "  app.tar.001\n" + digestOf(2)[7:] + "  app.tar.002\n"
	if got := written(t, "sha256", rep); got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

func TestBoundBy(t *testing.T) {
	const claimed = "(claimed; nothing binds it)"
	for by, want := range map[check.BoundBy][2]string{ // in a verified and in a rejected bundle
		check.BoundByDigest: {"(bound by the digest you gave)", "(bound by the digest you gave)"},
		check.BoundByPolicy: {"(bound by a digest that the policy pins)", "(bound by a digest that the policy pins)"},
		check.BoundBySeal:   {"(bound by the sender's seal)", claimed},
		check.BoundByName:   {"(the signature names the repository; nothing binds the tag)", claimed},
		check.BoundByNone:   {claimed, claimed},
	} {
		for i, v := range []check.Verdict{check.Verified, check.Rejected} {
			if got := boundBy(&verify.Image{BoundBy: by}, &verify.Report{Verdict: v}); got != want[i] {
				t.Errorf("%s, %s: %q, want %q", by, v, got, want[i])
			}
		}
	}
}

func TestPinnedBy(t *testing.T) {
	for want, a := range map[string]verify.Anchor{
		"the file cosign.pub":                    {Source: "file", Path: "cosign.pub"},
		"its fingerprint, typed by the operator": {Source: "fingerprint"},
		"gapseal itself (built in)":              {Source: "built-in"},
		"the operator's flags":                   {Source: "flag"},
		"the policy":                             {Source: "policy"},
		"the policy, by the file cosign.pub":     {Source: "policy", Path: "cosign.pub"},
		"a later source":                         {Source: "a later source"},
	} {
		if got := pinnedBy(&a); got != want {
			t.Errorf("%+v: %q, want %q", a, got, want)
		}
	}
}

// The text ends with everything that the verdict rests on.
func TestTextNamesRootPolicyAndTransfer(t *testing.T) {
	rep := sample(t, "app:v1")
	newest := rep.VerifiedAt.AddDate(0, 0, -30)
	rep.Anchors = append(rep.Anchors, verify.Anchor{Kind: "root", Fingerprint: "sha256:1", Newest: &newest},
		verify.Anchor{Kind: "root", Fingerprint: "sha256:2"})
	rep.Policy = &verify.PolicyID{Name: "lab", Digest: "sha256:3"}
	rep.Lock = &verify.LockID{Digest: "sha256:5", Images: 2}
	rep.Transfer = &verify.Transfer{ID: "T-1"}
	rep.Seal = &verify.Seal{Key: "sha256:4", Stream: "prod", Serial: 7, ExportedAt: time.Unix(0, 0).UTC()}
	contains(t, render(t, rep), "seal     sha256:4\n         number 7 of prod, 1970-01-01T00:00:00Z\n",
		"root     sha256:1\n         newest entry of 2026-10-25, 30 days before\n",
		"root     sha256:2\n         no entry that vouches for anything\n",
		"lock     sha256:5\n         which lists 2 images\n", "policy   lab\n         sha256:3\n", "transfer T-1\n")
}

// The command that unpacks a wrapped bundle can be copied to a shell, whatever the
// name of the file.
func TestTextQuotesTheFile(t *testing.T) {
	for path, want := range map[string]string{
		"":             "run      gunzip FILE\n",
		"-":            "run      gunzip FILE\n",
		"app.tar.gz":   "run      gunzip app.tar.gz\n",
		"-app.tar.gz":  "run      gunzip ./-app.tar.gz\n",
		"my app's.tgz": `run      gunzip 'my app'\''s.tgz'` + "\n",
		"a\x1b[2J;b":   `run      gunzip 'a\x1b[2J;b'` + "\n",
	} {
		rep := rejected(verify.Check{ID: check.ContainerWrapper, Detail: "this is gzip: gunzip FILE"})
		rep.Bundle.Path = path
		contains(t, render(t, rep), "FAILED container.wrapper: this is gzip\n", want)
	}
}

// A report that no verification makes is written as well.
func TestTextOfARejectionWithoutAFailure(t *testing.T) {
	contains(t, render(t, &verify.Report{Verdict: check.Rejected}), "REJECTED standard input\n")
}
