package verify_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

// samples are good and bad bundles, each judged in several ways.
func samples(t *testing.T, each func(name string, raw []byte, opt verify.Options)) {
	t.Helper()
	ways := map[string]func(*verify.Options){
		"plain":      func(*verify.Options) {},
		"strict":     func(o *verify.Options) { o.Strict = true },
		"all":        func(o *verify.Options) { o.RequireAll = true },
		"unanchored": func(o *verify.Options) { o.Keys = nil },
		"waived":     func(o *verify.Options) { o.IgnoreTlog = true },
		"deep":       func(o *verify.Options) { o.Deep = true },
		"annotated":  func(o *verify.Options) { o.Annotations = map[string]string{"repo": "acme/app"} },
		"young":      func(o *verify.Options) { o.MaxAge = time.Hour },
	}
	for _, images := range [][]string{{"app:v1"}, {"multi:v1"}, {"twokeys:v1"}, {"notlog:v1"}, {"unsigned:v1"}, {"keyless:v1"}, {"both:v1"}, {"app:v1", "app:v2"}, {"app:v1", "bundle:v1", "wrongkey:v1"}} {
		raw := fixture.Bundle(t, images...)
		damaged := bytes.Clone(raw)
		damaged[len(damaged)-1025] ^= 1
		for way, change := range ways {
			opt := fixture.Options()
			change(&opt)
			name := strings.Join(images, "+") + " " + way
			each(name, raw, opt)
			if way == "plain" || way == "strict" {
				each(name+", damaged", damaged, opt)
				each(name+", cut off", raw[:len(raw)/2], opt)
			}
		}
	}
}

func TestReportInvariants(t *testing.T) {
	samples(t, func(name string, raw []byte, opt verify.Options) {
		for how, rep := range map[string]*verify.Report{"file": fixture.Verify(t, raw, opt), "pipe": fixture.VerifyStream(t, raw, opt)} {
			checkReport(t, name+", "+how, rep, int64(len(raw)), opt)
		}
	})
}

func checkReport(t *testing.T, name string, rep *verify.Report, size int64, opt verify.Options) {
	t.Helper()
	var failed []verify.Check
	rank := -1
	for _, c := range rep.Checks {
		if _, ok := check.Lookup(c.ID); !ok || c.Class != c.ID.Class() || c.Detail == "" {
			t.Errorf("%s: check %+v", name, c)
		}
		if r := check.Rank(c.ID); r < rank {
			t.Errorf("%s: %s is out of order", name, c.ID)
		} else {
			rank = r
		}
		if (c.Remedy != "") != (c.Status == check.Fail || c.Status == check.Warn) {
			t.Errorf("%s: %s %s has remedy %q", name, c.Status, c.ID, c.Remedy)
		}
		if c.Status == check.Fail {
			failed = append(failed, c)
		}
	}
	if !slices.Equal(failed, rep.Failures) {
		t.Errorf("%s: failures are not the failed checks", name)
	}
	rejected := rep.Verdict == check.Rejected
	if rejected != (len(failed) > 0) || !rejected && rep.Verdict != check.Verified {
		t.Errorf("%s: verdict %s with %d failures", name, rep.Verdict, len(failed))
	}
	if n := rep.Totals.JudgedBytes + rep.Totals.UnjudgedBytes; n != rep.Totals.Bytes || rep.Totals.JudgedBytes < 0 || rejected && rep.Totals.JudgedBytes != 0 {
		t.Errorf("%s: totals %+v", name, rep.Totals)
	}
	if !rejected && (rep.Totals.Bytes != size || rep.Bundle.Size != size || rep.Bundle.Identity == "") {
		t.Errorf("%s: %d bytes, report %+v %+v", name, size, rep.Totals, rep.Bundle)
	}
	for _, img := range rep.Images {
		counts := slices.ContainsFunc(img.Signatures, func(s verify.Signature) bool { return s.Counts })
		if !rejected && img.Verdict != check.Verified || img.Verdict == check.Verified && !counts {
			t.Errorf("%s: image %s is %s, counts %v", name, img.ClaimedReference, img.Verdict, counts)
		}
		for _, s := range img.Signatures {
			if s.Counts && (len(opt.Keys) == 0 || s.Key != verify.Text(opt.Keys[0].Fingerprint()) || s.Subject != img.Digest || s.Payload == nil || s.TrustedTime == nil && !opt.IgnoreTlog) {
				t.Errorf("%s: counts %+v", name, s)
			}
		}
	}
}

func TestAbsentValuesAreNull(t *testing.T) {
	var b bytes.Buffer
	if err := report.JSON(&b, fixture.Verify(t, fixture.Bundle(t, "notlog:v1"), fixture.Options())); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Bundle map[string]any
		Images []struct{ Signatures []map[string]any }
		Checks []map[string]any
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	sig := got.Images[0].Signatures[0]
	for _, name := range []string{"log", "trustedTime"} {
		if v, ok := sig[name]; !ok || v != nil {
			t.Errorf("signature's %s is %v", name, v)
		}
	}
	if v, ok := got.Bundle["fileDigest"]; !ok || v != nil {
		t.Errorf("fileDigest is %v", v)
	}
	for _, c := range got.Checks {
		for name, v := range c {
			if v == "" {
				t.Errorf("%s of %s is the empty text", name, c["id"])
			}
		}
	}
	empty, err := json.Marshal(verify.Report{Images: []verify.Image{{Signatures: []verify.Signature{{}}}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"identity":null`, `"payload":null`, `"key":null`, `"log":null`, `"trustedTime":null`} {
		if !strings.Contains(string(empty), want) {
			t.Errorf("no %s in %s", want, empty)
		}
	}
}

func TestWaiversAreShownInEveryOutput(t *testing.T) {
	waivers := []string{"--insecure-ignore-tlog", "--accept-reference a=b", "--at 2026-11-24"}
	for _, image := range []string{"app:v1", "notlog:v1", "unsigned:v1"} {
		opt := fixture.Options()
		opt.IgnoreTlog, opt.HostTime = true, opt.At.Add(time.Hour)
		opt.AcceptReference = []verify.AcceptReference{{Image: "a", Signed: "b"}}
		rep := fixture.Verify(t, fixture.Bundle(t, image), opt)
		if !slices.Equal(rep.Waivers, waivers) {
			t.Errorf("%s: report has %q", image, rep.Waivers)
		}
		var text, js bytes.Buffer
		if err := errors.Join(report.Text(&text, rep), report.JSON(&js, rep)); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, c := range rep.Checks {
			if c.ID == check.PolicyWaiver && c.Status == check.Warn {
				n++
			}
		}
		for _, w := range waivers {
			if !strings.Contains(text.String(), w) || !strings.Contains(js.String(), w) || n != len(waivers) {
				t.Errorf("%s: %s is not shown, %d warnings", image, w, n)
			}
		}
	}
}

func TestExportWaiverIsShown(t *testing.T) {
	req := fixture.Request(t, "app:v1")
	req.Waivers = []string{bundle.WaiverAllowUnverified}
	rep := fixture.Verify(t, fixture.Export(t, fixture.NewRegistry(), req), fixture.Options())
	if failed := fixture.Failed(rep); len(failed) > 0 || !slices.Contains(fixture.Warned(rep), "policy.export-waiver") {
		t.Errorf("failed %v, warned %v", failed, fixture.Warned(rep))
	}
}

func TestUnjudgedEvidenceIsNamedAndCounted(t *testing.T) {
	reg := fixture.NewRegistry()
	image := reg.Tags[fixture.Host+"app-v3:v1"].Digest
	reg.PushArtifact(fixture.Host+"app-v3", "sha256-"+image.Hex()+".sbom", "text/spdx+json", bytes.Repeat([]byte("x"), 1000))
	rep := fixture.Verify(t, fixture.Export(t, reg, fixture.Request(t, "app-v3:v1")), fixture.Options())
	judged := map[bool]int{}
	for _, ev := range rep.Images[0].Evidence {
		judged[ev.Judged]++
	}
	if judged[true] != 1 || judged[false] != 1 || rep.Totals.UnjudgedBytes < 1000 {
		t.Errorf("evidence %+v, totals %+v", rep.Images[0].Evidence, rep.Totals)
	}
	if rep := fixture.Verify(t, fixture.Bundle(t, "app-v3:v1"), fixture.Options()); rep.Totals.UnjudgedBytes != 0 || rep.Totals.JudgedBytes == 0 {
		t.Errorf("nothing is unjudged, totals %+v", rep.Totals)
	}
}

// TestRekorBundleIsKeptForTheCosignForm: but only for a signature that the log entry
// is about.
func TestRekorBundleIsKeptForTheCosignForm(t *testing.T) {
	opt := fixture.Options()
	opt.Logs[0].Name = "log.example.com"
	good := fixture.Verify(t, fixture.Bundle(t, "app:v1"), opt).Images[0].Signatures[0]
	if raw := good.RekorBundle(); !json.Valid(raw) || !bytes.Contains(raw, []byte("SignedEntryTimestamp")) {
		t.Errorf("Rekor bundle %s", raw)
	}
	raw, opt := (&threat{signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogIndex++ })}).build(t, unsigned(t, "unsigned:v1"))
	opt.Logs[0].Name = "log.example.com"
	rep := fixture.Verify(t, raw, opt)
	if raw := rep.Images[0].Signatures[0].RekorBundle(); raw != nil {
		t.Errorf("kept %s", raw)
	}
	if !strings.Contains(string(rep.Failures[0].Expected), "log.example.com") {
		t.Errorf("expected %s, want the log's name", rep.Failures[0].Expected)
	}
}

func TestErrorNamesTheFirstCause(t *testing.T) {
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1", "unsigned:v1"), fixture.Options())
	err := &verify.Error{Report: rep}
	if got := err.Error(); !strings.HasPrefix(got, "rejected: policy.unsigned-image: ") || !strings.HasSuffix(got, "(and more)") {
		t.Error(got)
	}
	if got := (&verify.Error{Report: &verify.Report{}}).Error(); got != "rejected" {
		t.Error(got)
	}
}

func TestAnchorsAreListed(t *testing.T) {
	opt := fixture.Options()
	opt.Fingerprints = []string{fixture.Key("other.pub").Fingerprint()}
	opt.Roots = []verify.Anchor{{Kind: "root", Fingerprint: "sha256:00", Source: "file"}}
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), opt)
	var kinds []string
	for _, a := range rep.Anchors {
		kinds = append(kinds, a.Kind+" "+a.Source)
	}
	if want := []string{"key file", "key fingerprint", "root file", "log file"}; !reflect.DeepEqual(kinds, want) {
		t.Errorf("anchors %v, want %v", kinds, want)
	}
}

// TestTheClockIsTheHosts: without a time to judge as of, that time is now.
func TestTheClockIsTheHosts(t *testing.T) {
	opt := fixture.Options()
	opt.At = time.Time{}
	before := time.Now().Add(-time.Second)
	rep := fixture.Verify(t, fixture.Bundle(t, "app:v1"), opt)
	if rep.VerifiedAt.Before(before) || rep.VerifiedAt.After(time.Now()) || rep.VerifiedAt.Location() != time.UTC {
		t.Errorf("judged as of %s", rep.VerifiedAt)
	}
}
