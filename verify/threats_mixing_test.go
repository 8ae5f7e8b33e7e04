package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

func TestOneSignatureMustMeetAllDemands(t *testing.T) {
	annotated := fixture.Stages{Optional: map[string]any{"repo": "acme"}}
	old := at(-1000 * time.Hour)
	old.Optional = annotated.Optional
	wrongEntry := annotated
	wrongEntry.Bundle = func([]byte) []byte {
		return publisher().Resign(fixture.Body([]byte("C"), fixture.Signed(publisher().Key, []byte("C")), fixture.PEM(&publisher().Key.PublicKey)), nil)
	}
	demands := func(o *verify.Options) {
		o.Annotations, o.MaxAge = map[string]string{"repo": "acme"}, 48*time.Hour
	}
	named := fixture.Stages{Reference: fixture.Host + "evil", Optional: annotated.Optional}
	threats(t, "policy", []threat{
		{name: "annotations from signature A, age from B", signed: []fixture.Stages{old, {}}, opt: demands, want: "policy.annotations policy.age"},
		{name: "the same the other way round", signed: []fixture.Stages{{}, old}, opt: demands, want: "policy.annotations policy.age"},
		{name: "one signature meets both", signed: []fixture.Stages{old, {}, annotated}, opt: demands, warn: "policy.reference-unbound note:policy.annotations note:policy.age"},
	})
	threats(t, "rekor", []threat{
		{name: "annotations from signature A, age from B, log entry from C", signed: []fixture.Stages{wrongEntry, {}}, opt: demands,
			want: "rekor.payload rekor.signature policy.annotations policy.age"},
	})
	threats(t, "signature", []threat{
		{name: "annotations from signature A, reference from B", signed: []fixture.Stages{named, {}}, opt: demands, want: "signature.docker-reference policy.annotations"},
	})
}

func TestReferenceThreats(t *testing.T) {
	const mirror = "mirror.example.com/acme/app"
	accept := func(image, signed string) func(*verify.Options) {
		return func(o *verify.Options) {
			o.AcceptReference = []verify.AcceptReference{{Image: image, Signed: signed}}
		}
	}
	signedFor := func(ref string) []fixture.Stages { return one(fixture.Stages{Reference: ref}) }
	threats(t, "policy", []threat{
		{name: "accepted", signed: signedFor(mirror), opt: accept(fixture.Host+"unsigned", mirror), warn: "policy.reference-unbound policy.waiver"},
		{name: "--accept-reference for image A used by image B", signed: signedFor(mirror), opt: accept(fixture.Host+"app", mirror), want: "policy.accept-reference"},
		{name: "signed repository that only begins alike", signed: signedFor(mirror + "2"), opt: accept(fixture.Host+"unsigned", mirror), want: "policy.accept-reference"},
		{name: "signed repository below the accepted one", signed: signedFor(mirror + "/evil"), opt: accept(fixture.Host+"unsigned", mirror), want: "policy.accept-reference"},
		{name: "image repository that only begins alike", signed: signedFor(mirror), opt: accept(fixture.Host+"unsign", mirror), want: "policy.accept-reference"},
		{name: "accepted repository with another tag", signed: signedFor(mirror + ":v2"), opt: accept(fixture.Host+"unsigned", mirror), want: "policy.accept-reference"},
		{name: "accepted the wrong way round", signed: signedFor(mirror), opt: accept(mirror, fixture.Host+"unsigned"), want: "policy.accept-reference"},
	})
	base := unsigned(t, "app:v2", "unsigned:v1")
	two := threat{signed: signedFor(mirror), opt: accept(fixture.Host+"unsigned", mirror), want: "policy.accept-reference"}
	two.run(t, base, "policy")
}

// TestOneSignatureUnderTwoReferences: a signature vouches for the repository that it
// names, and for no other reference to the same digest.
func TestOneSignatureUnderTwoReferences(t *testing.T) {
	under := func(ref string, evidence bool) func(*fixture.Forge) {
		return func(f *fixture.Forge) {
			img := f.Inventory.Images[0]
			img.Reference = ref
			if img.Evidence = slices.Clone(img.Evidence); !evidence {
				img.Evidence = []bundle.Evidence{}
			}
			f.Inventory.Images = append(f.Inventory.Images, img)
		}
	}
	threats(t, "signature", []threat{
		{name: "another repository", forge: under(fixture.Host+"zzz:v1", true), want: "signature.docker-reference"},
		{name: "another tag of the same repository", forge: under(fixture.Host+"unsigned:v2", true), warn: "policy.reference-unbound"},
	})
	threats(t, "policy", []threat{
		{name: "the signature not listed for the second", forge: under(fixture.Host+"unsigned:v2", false), want: "policy.unsigned-image signature.present"},
	})
}

func TestMovedReferenceThreats(t *testing.T) {
	reg := fixture.NewRegistry()
	swapped := func(f *fixture.Forge) {
		a, b := f.Inventory.Images[0], f.Inventory.Images[1]
		a.Reference, b.Reference = b.Reference, a.Reference
		f.Inventory.Images[0], f.Inventory.Images[1] = b, a
	}
	pinned := wanted(t, "app:v1@"+string(reg.RootOf("app:v1")))
	threatsTo(t, "policy", []string{"app:v1", "app:v2"}, "policy.reference-unbound", []threat{
		{name: "ref.name moved to another signed image of the same key", forge: swapped, warn: "policy.reference-unbound"},
		{name: "ref.name moved, with a digest pin", forge: swapped, opt: pinned, want: "policy.image"},
		{name: "not moved, with a digest pin", opt: pinned, warn: "policy.reference-unbound"},
	})
}

func TestStrippedThreats(t *testing.T) {
	asked := func(s string) func(*verify.Options) {
		p, err := oci.ParsePlatform(s)
		if err != nil {
			t.Fatal(err)
		}
		return func(o *verify.Options) { o.Platforms = append(o.Platforms, p) }
	}
	const stripped = "manifest.narrowed policy.reference-unbound"
	threatsTo(t, "manifest", []string{"multi:v1"}, "policy.reference-unbound", []threat{
		{name: "platform stripped and the inventory rewritten to call it chosen", forge: strip("linux/arm64/v8"), warn: stripped},
		{name: "platform stripped, and it is asked for", forge: strip("linux/arm64/v8"), opt: asked("linux/arm64"), want: "manifest.narrowed"},
		{name: "platform stripped, and another is asked for", forge: strip("linux/arm64/v8"), opt: asked("linux/amd64"), warn: stripped},
		{name: "a platform that never was is asked for", opt: asked("linux/s390x"), want: "manifest.narrowed"},
		{name: "a variant that never was is asked for", opt: asked("linux/arm64/v9"), want: "manifest.narrowed"},
		{name: "all platforms stripped", forge: func(f *fixture.Forge) { strip("linux/amd64")(f); strip("linux/arm64/v8")(f) }, want: "manifest.runnable"},
	})
	threatsTo(t, "policy", []string{"app:v1"}, "policy.reference-unbound", []threat{
		{name: "attestation stripped and the inventory rewritten", warn: "policy.reference-unbound", forge: func(f *fixture.Forge) {
			img := &f.Inventory.Images[0]
			img.Evidence = slices.DeleteFunc(img.Evidence, func(ev bundle.Evidence) bool { return ev.Kind == oci.KindAttestation })
		}},
	})
}

// strip removes a platform, and lists it as left out by choice.
func strip(platform string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		img := &f.Inventory.Images[0]
		m, _ := oci.ParseManifest(f.Blobs[img.Digest], img.MediaType)
		for _, d := range m.Manifests {
			if d.Platform.String() == platform {
				img.Omitted = append(img.Omitted, bundle.Omitted{Platform: platform, Digest: d.Digest})
			}
		}
	}
}

// hostile are names that do harm if they are shown unescaped.
var hostile = []string{
	"\x1b[2J\x1b[1;32mVERIFIED\x1b[0m", "line\nVERIFIED other.tar", "back\rVERIFIED", "\u202eDEIFIREV", "bell\x07 del\x7f c1\u009b31m",
	"<script>alert(1)</script>", "=cmd|' /C calc'!A0", "../../etc/passwd", "zero\u200bwidth\ufeff",
}

func TestHostileNamesAreShownEscaped(t *testing.T) {
	base := unsigned(t, "unsigned:v1")
	for _, name := range hostile {
		cases := map[string]threat{
			"docker-reference": {signed: one(fixture.Stages{Reference: name}), want: "signature.docker-reference"},
			"reference":        {forge: func(f *fixture.Forge) { f.Inventory.Images[0].Reference = name }, want: "layout.inventory signature.docker-reference"},
			"critical.type":    {signed: payload(fixture.Swap("cosign container image signature", canonicalText(name))), want: "signature.claims"},
			"annotation":       {signed: one(fixture.Stages{Optional: map[string]any{"repo": name}}), opt: func(o *verify.Options) { o.Annotations = map[string]string{"repo": "acme"} }, want: "policy.annotations"},
			"layer annotation": {signed: one(fixture.Stages{Annotations: func(m map[string]string) { m[name] = name }})},
			"entry kind":       {signed: relabelled(canonicalText(name), "0.0.1"), want: "rekor.kind"},
			"log id":           {signed: one(fixture.Stages{Entry: func(e *fixture.LogEntry) { e.LogID = name }}), want: "rekor.log-id"},
			"good annotation":  {signed: one(fixture.Stages{Optional: map[string]any{name: name}})},
		}
		for what, c := range cases {
			raw, opt := c.build(t, base)
			rep := fixture.Verify(t, raw, opt)
			if failed := strings.Join(fixture.Failed(rep), " "); failed != c.want {
				t.Errorf("%s %q: failed %s, want %s", what, name, failed, c.want)
			}
			var out bytes.Buffer
			if err := report.Text(&out, rep); err != nil {
				t.Fatal(err)
			}
			if i := strings.IndexFunc(strings.ReplaceAll(out.String(), "\n", ""), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("%s %q: shown unescaped:\n%q", what, name, out.String())
			}
			if n := strings.Count("\n"+out.String(), "\nVERIFIED"); n > 1 || n == 1 && rep.Verdict != check.Verified {
				t.Errorf("%s %q: a line of its own says VERIFIED:\n%s", what, name, out.String())
			}
		}
	}
}

// canonicalText is s as RFC 8785 writes it in a string.
func canonicalText(s string) string {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil {
		panic(err)
	}
	return string(b[1 : len(b)-1])
}
