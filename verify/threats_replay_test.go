package verify_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

// at logs the entry at a time after SignedAt.
func at(after time.Duration) fixture.Stages {
	return fixture.Stages{Entry: func(e *fixture.LogEntry) { e.IntegratedTime = fixture.SignedAt.Add(after).Unix() }}
}

// clock judges as of a time after SignedAt.
func clock(after time.Duration) func(*verify.Options) {
	return func(o *verify.Options) {
		o.At = fixture.SignedAt.Add(after)
		o.HostTime = o.At
	}
}

func wanted(t *testing.T, ref string) func(*verify.Options) {
	t.Helper()
	r, err := oci.ParseReference(fixture.Host + ref)
	if err != nil {
		t.Fatal(err)
	}
	return func(o *verify.Options) { o.Images = append(o.Images, r) }
}

func TestAgeThreats(t *testing.T) {
	maxAge := func(d time.Duration) func(*verify.Options) {
		return func(o *verify.Options) { clock(time.Hour)(o); o.MaxAge = d }
	}
	notBefore := func(d time.Duration) func(*verify.Options) {
		return func(o *verify.Options) { o.NotBefore = fixture.SignedAt.Add(d) }
	}
	const good = "policy.reference-unbound"
	threats(t, "policy", []threat{
		{name: "whole older bundle replayed, against --max-age", opt: maxAge(time.Hour - time.Second), want: "policy.age"},
		{name: "whole older bundle replayed, against --not-before", opt: notBefore(time.Second), want: "policy.age"},
		{name: "against both", opt: func(o *verify.Options) { maxAge(time.Minute)(o); notBefore(time.Second)(o) }, want: "policy.age"},
		{name: "just young enough for --max-age", opt: maxAge(time.Hour), warn: good},
		{name: "just young enough for --not-before", opt: notBefore(0), warn: good},
	})
	threats(t, "rekor", []threat{
		{name: "future integrated time", opt: clock(-verify.ClockTolerance - time.Second), want: "rekor.time"},
		{name: "future integrated time within the tolerance", opt: clock(-verify.ClockTolerance), warn: good},
		{name: "a future that the log signed, and no time of ours", signed: one(at(1000 * time.Hour)), opt: clock(0), want: "rekor.time"},
		{name: "the same, judged --at a later time", signed: one(at(1000 * time.Hour)), opt: clock(1000 * time.Hour), warn: good},
		{name: "a year beyond what RFC 3339 can write", signed: one(fixture.Stages{Entry: func(e *fixture.LogEntry) { e.IntegratedTime = 1<<53 - 1 }}), want: "rekor.time"},
		{name: "future time does not count as young", signed: one(at(1000 * time.Hour)), opt: maxAge(time.Hour), want: "rekor.time policy.age"},
	})
	threats(t, "trust", []threat{
		{name: "time outside the log key's window does not count as young", opt: func(o *verify.Options) {
			o.Logs[0].To = fixture.SignedAt.Add(-time.Second)
			o.MaxAge = 1000 * time.Hour
		},
			want: "trust.validity policy.age"},
	})
}

func TestManyImagesThreats(t *testing.T) {
	base := unsigned(t, "app:v2", "unsigned:v1", "wrongann:v1")
	(&threat{}).run(t, base, "")
	unpinned := fixture.NewSigner(t)
	cases := []threat{
		{name: "multi-image: one of N unsigned", forge: func(f *fixture.Forge) { f.Unsign(1) }, want: "policy.unsigned-image signature.present"},
		{name: "all unsigned", forge: func(f *fixture.Forge) { f.Unsign(0); f.Unsign(1); f.Unsign(2) }, want: "policy.unsigned-image signature.present"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.run(t, base, "policy") })
	}
	one := threat{forge: func(f *fixture.Forge) { publisher().SignForge(f, 2, fixture.Stages{Key: unpinned.Key}) }, want: "trust.key"}
	one.run(t, base, "trust")
	raw, opt := one.build(t, base)
	rep := fixture.Verify(t, raw, opt)
	for i, want := range []check.Verdict{check.Verified, check.Verified, check.Rejected} {
		if rep.Images[i].Verdict != want {
			t.Errorf("image %d is %s, want %s", i, rep.Images[i].Verdict, want)
		}
	}
	if rep.Verdict != check.Rejected {
		t.Error("the bundle must be rejected as a whole")
	}
}

func TestOlderImageUnderTheTag(t *testing.T) {
	newer := fixture.NewRegistry().RootOf("app:v2")
	renamed := func(ref string) func(*fixture.Forge) {
		return func(f *fixture.Forge) { f.Inventory.Images[0].Reference = fixture.Host + ref }
	}
	pinned := wanted(t, "unsigned:v1@"+string(fixture.NewRegistry().RootOf("unsigned:v1")))
	threats(t, "policy", []threat{
		{name: "older image under the tag", forge: renamed("unsigned:v2"), warn: "policy.reference-unbound"},
		{name: "older image under the tag, digest pinned", forge: renamed("unsigned:v2"), opt: wanted(t, "unsigned:v2@"+string(newer)), want: "policy.image"},
		{name: "demanded by tag, under another tag", forge: renamed("unsigned:v2"), opt: wanted(t, "unsigned:v1"), want: "policy.image"},
		{name: "demanded by tag and there", opt: wanted(t, "unsigned:v1"), warn: "policy.reference-unbound"},
		{name: "demanded by digest and there", opt: pinned},
		{name: "demanded by digest alone, another is there", opt: wanted(t, "unsigned@"+string(newer)), want: "policy.image"},
		{name: "a repository that only begins alike", opt: wanted(t, "unsigne:v1"), want: "policy.image"},
		{name: "strict: warnings fail", opt: func(o *verify.Options) { o.Strict = true }, want: "policy.reference-unbound"},
		{name: "strict, and nothing to warn of", opt: func(o *verify.Options) { pinned(o); o.Strict = true }},
		{name: "strict, and a waiver", opt: func(o *verify.Options) { pinned(o); o.Strict = true; o.HostTime = o.At.Add(time.Hour) }, want: "policy.waiver"},
	})
}

// TestDemandedDigestAmongSeveralTags: a digest demanded without a tag may have any
// tag of the repository.
func TestDemandedDigestAmongSeveralTags(t *testing.T) {
	reg := fixture.NewRegistry()
	for _, tag := range []string{"v1", "v2"} {
		threatsTo(t, "policy", []string{"app:v1", "app:v2"}, "policy.reference-unbound", []threat{
			{name: "digest of " + tag, opt: wanted(t, "app@"+string(reg.RootOf("app:"+tag)))},
			{name: "digest of " + tag + " under another name", opt: wanted(t, "multi@"+string(reg.RootOf("app:"+tag))), want: "policy.image"},
		})
	}
}

func TestRequireAll(t *testing.T) {
	all := func(o *verify.Options) { o.RequireAll = true }
	threatsTo(t, "trust", []string{"twokeys:v1"}, "policy.reference-unbound note:trust.key", []threat{
		{name: "one of two signatures is of an unpinned key", opt: all, want: "trust.key"},
	})
	broken := fixture.Stages{Signature: func(b []byte) []byte { return append(b, 0) }}
	threats(t, "signature", []threat{
		{name: "a broken one beside a good one", signed: []fixture.Stages{broken, {}}, warn: "policy.reference-unbound note:signature.encoding"},
		{name: "a broken one beside a good one, --require-all", signed: []fixture.Stages{broken, {}}, opt: all, want: "signature.encoding"},
		{name: "two good ones, --require-all", signed: []fixture.Stages{{}, {}}, opt: all, warn: "policy.reference-unbound"},
	})
}

// TestChildSignaturesVouchForTheChildOnly: a signature of a platform does not count
// for the index, and a bad one of a platform does not undo a good one of the index.
func TestChildSignaturesVouchForTheChildOnly(t *testing.T) {
	threatsTo(t, "signature", []string{"multi:v1"}, "policy.reference-unbound", []threat{
		{name: "children signed, the index not", forge: func(f *fixture.Forge) { f.Unsign(0) }, want: "signature.present"},
		{name: "a child's signature listed for the index", forge: func(f *fixture.Forge) {
			f.Unsign(0)
			for i := range f.Inventory.Images[0].Evidence {
				f.Inventory.Images[0].Evidence[i].Subject = f.Inventory.Images[0].Digest
			}
		}, want: "signature.claims"},
	})
	threatsTo(t, "trust", []string{"multi:v1"}, "", []threat{
		{name: "the index signed by an unpinned key", forge: func(f *fixture.Forge) { publisher().SignForge(f, 0) },
			opt: func(o *verify.Options) { o.Logs = append(o.Logs, publisher().LogKey()) }, want: "trust.key"},
	})
}

// TestNothingUnauthenticatedIsReported: a payload that no pinned key signed, and a
// log entry about something else, are not in the report.
func TestNothingUnauthenticatedIsReported(t *testing.T) {
	unpinned := fixture.NewSigner(t)
	note := map[string]any{"note": "injected-value"}
	for name, c := range map[string]threat{
		"payload of an unpinned key":   {signed: one(fixture.Stages{Key: unpinned.Key, Optional: note}), want: "trust.key"},
		"payload with a bad signature": {signed: one(fixture.Stages{Optional: note, Signature: func([]byte) []byte { return der1() }}), want: "signature.crypto"},
		"payload of an unanchored key": {signed: one(fixture.Stages{Optional: note}), opt: func(o *verify.Options) { o.Keys = nil }, want: "trust.unanchored"},
		"log entry of something else": {signed: instead(func() []byte {
			return fixture.Body([]byte("x"), fixture.Signed(publisher().Key, []byte("x")), fixture.PEM(&publisher().Key.PublicKey))
		}), want: "rekor.payload rekor.signature"},
		"log entry without a signature": {signed: afterSET(func(b *fixture.RekorBundle) { b.Payload.LogIndex = 424242 }), want: "rekor.set"},
		"log entry of an untrusted log": {by: &fixture.Signer{Key: publisher().Key, Log: unpinned.Log}, want: "trust.log"},
	} {
		raw, opt := c.build(t, unsigned(t, "unsigned:v1"))
		rep := fixture.Verify(t, raw, opt)
		if failed := strings.Join(fixture.Failed(rep), " "); failed != c.want {
			t.Errorf("%s: failed %s, want %s", name, failed, c.want)
		}
		var b bytes.Buffer
		if err := report.JSON(&b, rep); err != nil {
			t.Fatal(err)
		}
		var shown struct {
			Images []struct {
				Signatures []struct {
					Counts           bool
					Payload, Log     json.RawMessage
					TrustedTime, Key *string
				}
			}
		}
		if err := json.Unmarshal(b.Bytes(), &shown); err != nil {
			t.Fatal(err)
		}
		sig := shown.Images[0].Signatures[0]
		if sig.Counts || strings.Contains(b.String(), "injected-value") || strings.Contains(b.String(), "424242") {
			t.Errorf("%s: reported:\n%s", name, b.String())
		}
		if strings.HasPrefix(name, "log") && (string(sig.Log) != "null" || sig.TrustedTime != nil) {
			t.Errorf("%s: log %s, time %v", name, sig.Log, sig.TrustedTime)
		}
	}
}

// der1 is a well-formed signature over nothing.
func der1() []byte { return []byte{0x30, 6, 2, 1, 1, 2, 1, 1} }

// TestWhatCameWithTheSignatureIsNamed: certificates and timestamps that come with the
// signature of a plain key prove nothing here, and are reported.
func TestWhatCameWithTheSignatureIsRead(t *testing.T) {
	extra := one(fixture.Stages{Annotations: func(m map[string]string) {
		m["dev.sigstore.cosign/certificate"] = "covert"
		m["dev.sigstore.cosign/chain"] = "covert"
		m["dev.sigstore.cosign/rfc3161timestamp"] = "covert"
	}})
	threats(t, "signature", []threat{
		{name: "refused", signed: extra, want: "signature.encoding"},
	})
}
