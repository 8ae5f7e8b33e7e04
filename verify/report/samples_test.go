package report

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

func written(t *testing.T, name string, r *verify.Report) string {
	t.Helper()
	format, ok := FormatNamed(name)
	if !ok {
		t.Fatalf("there is no format %s", name)
	}
	var b strings.Builder
	if err := format.Write(&b, r); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return b.String()
}

// sample verifies images of testdata as an operator would and fills in what the
// command line knows.
func sample(t testing.TB, images ...string) *verify.Report {
	t.Helper()
	opt := fixture.Options()
	opt.Path = "/media/usb/app.tar"
	opt.Command = []string{"gapseal", "verify", "/media/usb/app.tar", "--key", "cosign.pub"}
	opt.Tool = verify.Tool{Name: "gapseal", Version: "v0.1.0", Go: "go1.26.8", Digest: "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
	opt.Keys[0].Path, opt.Logs[0].Path = "cosign.pub", "rekor.pub"
	rep := fixture.Verify(t, fixture.Bundle(t, images...), opt)
	rep.Bundle.FileDigest = "sha256:60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
	return rep
}

// large is a report on 200 images with 5,000 blobs.
func large(t testing.TB) *verify.Report {
	t.Helper()
	rep := sample(t, "app:v1")
	img, checks := rep.Images[0], rep.Checks
	rep.Images, rep.Blobs = nil, nil
	for i := range 200 {
		c := img
		c.Digest, c.ClaimedReference = digestOf(i), fmt.Sprintf("registry.example.com/acme/service-%03d:v1.%d.0", i, i%7)
		rep.Images = append(rep.Images, c)
		for _, ch := range checks {
			if ch.Subject != "" {
				ch.Subject = verify.Text(c.Digest)
				rep.Checks = append(rep.Checks, ch)
			}
		}
		for j := range 25 {
			rep.Blobs = append(rep.Blobs, verify.Blob{Digest: digestOf(1000 + i*25 + j), Size: int64(1 << (j % 25)), MediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
				Roles: []string{"layer"}, Images: []string{c.Digest}, State: check.Intact})
		}
	}
	return rep
}

func digestOf(i int) string { return fmt.Sprintf("sha256:%064x", uint64(i+1)*0x9e3779b97f4a7c15) }

// hostileText is what an attacker would put into a name: terminal escapes, a
// script, what XML cannot hold, a formula, lines of a report, a way out of a
// folder, invisible and reordering characters, and a password in a URL.
const hostileText = "=cmd|' /C calc'!A0\x1b[2J</script><script>alert(1)</script>\x00\x0b\ufffe\"'&]]>\r\nVERIFIED ../../etc/passwd \u202e\u200b https://user:secret@host.example/x"

// hostile is a report in which every text is hostileText, except for gapseal's
// own words.
func hostile(t testing.TB) *verify.Report {
	t.Helper()
	rep := sample(t, "app:v1")
	rep.Blobs[0].Digest = hostileText
	poison(reflect.ValueOf(rep).Elem(), "")
	rep.Bundle.Identity, rep.Bundle.FileDigest = verify.Text(digestOf(1)), verify.Text(digestOf(2))
	rep.Images[0].Digest, rep.Blobs[1].Digest = digestOf(3), digestOf(4)
	rep.Verdict, rep.Failures = check.Rejected, rep.Checks[:3]
	for i := range rep.Checks {
		rep.Checks[i].Status = []check.Status{check.Fail, check.Warn, check.Skip, check.Pass}[i%4]
	}
	for _, list := range [][]verify.Check{rep.Checks, rep.Failures} {
		for i := range list { // ids come from the table of checks, never from a bundle
			list[i].ID = []check.ID{check.TrustKey, check.BlobDigest, check.ContainerWrapper}[i%3]
		}
	}
	return rep
}

// poison replaces every text below v.
func poison(v reflect.Value, name string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(hostileText)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			poison(v.Field(i), v.Type().Field(i).Name)
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // a JSON document
		}
		for i := range v.Len() {
			poison(v.Index(i), name)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			poison(v.Elem(), name)
		}
	}
}
