package verify_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// layersOf changes the layers of the signature's manifest, given as JSON.
func layersOf(change func(layers string) string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		img := &f.Inventory.Images[0]
		f.Edit(img.Evidence[0].Digest, func(s string) string {
			a := strings.Index(s, `"layers":[`) + len(`"layers":[`)
			z := strings.LastIndex(s, "]")
			if strings.HasPrefix(s[z:], "],") { // more members follow the layers
				z = strings.Index(s, `],"mediaType"`)
			}
			return s[:a] + change(s[a:z]) + s[z:]
		})
	}
}

// another adds an unsigned layer of some type behind that of the signature. The
// config, which lists payloads, is replaced by the empty one.
func another(mediaType string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		d := f.Add([]byte("covert content"))
		f.Edit(f.Inventory.Images[0].Evidence[0].Digest, func(s string) string { return emptyConfig(s, oci.EmptyDigest, 2) })
		layersOf(func(layers string) string {
			return layers + `,{"mediaType":"` + mediaType + `","digest":"` + string(d) + `","size":14}`
		})(f)
	}
}

var asSBOM = layersOf(func(s string) string { return strings.Replace(s, oci.TypeSimpleSigning, "text/spdx+json", 1) })

// TestHowSignaturesAreStored: anyone can rewrite what stores a signature, so it must
// hold nothing else.
func TestHowSignaturesAreStored(t *testing.T) {
	all := func(o *verify.Options) { o.RequireAll = true }
	threats(t, "signature", []threat{
		{name: "signature manifest holds an SBOM, too", forge: another("text/spdx+json"), warn: "policy.reference-unbound policy.not-judged note:signature.encoding"},
		{name: "signature manifest holds an SBOM, too, --require-all", forge: another("text/spdx+json"), opt: all, want: "signature.encoding policy.not-judged"},
		{name: "signature manifest holds a DSSE envelope, too", forge: another(oci.TypeDSSE), opt: all, want: "signature.encoding policy.not-judged"},
		{name: "signature stored as an SBOM", forge: func(f *fixture.Forge) { asSBOM(f); f.Inventory.Images[0].Evidence[0].Kind = oci.KindSBOM }, want: "signature.present"},
	})
	threats(t, "layout", []threat{{name: "signature stored as an SBOM, listed as a signature", forge: asSBOM, want: "layout.inventory signature.encoding"}})
	threats(t, "policy", []threat{
		{name: "signature manifest holds an image layer, too", forge: another(gzipLayer), want: "policy.unsigned-image signature.encoding"},
		{name: "signature manifest with 0 layers", forge: layersOf(func(string) string { return "" }), want: "policy.unsigned-image signature.present"},
		{name: "the image listed as evidence for itself", forge: func(f *fixture.Forge) {
			img := &f.Inventory.Images[0]
			img.Evidence = append(img.Evidence, bundle.Evidence{Kind: oci.KindReferrer, Subject: img.Digest, Node: img.Node})
		}, want: "policy.unsigned-image"},
		{name: "the image listed as its own signature", forge: func(f *fixture.Forge) {
			img := &f.Inventory.Images[0]
			img.Evidence = append(img.Evidence, bundle.Evidence{Kind: oci.KindSignature, Subject: img.Digest, Node: img.Node})
		}, want: "policy.unsigned-image"},
		{name: "the signature travels as an image of its own, too", forge: func(f *fixture.Forge) {
			f.Inventory.Images = append(f.Inventory.Images, bundle.Image{Reference: fixture.Host + "zzz:v1", Node: f.Inventory.Images[0].Evidence[0].Node,
				Omitted: []bundle.Omitted{}, Evidence: []bundle.Evidence{}})
		}, want: "policy.unsigned-image signature.present"},
	})
	threatsTo(t, "policy", []string{"both:v1"}, "policy.reference-unbound", []threat{
		{name: "a Sigstore bundle beside the signature, --require-all", opt: all, warn: "policy.reference-unbound"},
	})
}

// TestCovertContentIsNotCountedAsJudged: a layer of a signature's manifest that is not
// a signature proves nothing, and its bytes are counted as unjudged.
func TestCovertContentIsNotCountedAsJudged(t *testing.T) {
	raw, opt := (&threat{forge: another("text/spdx+json")}).build(t, unsigned(t, "unsigned:v1"))
	if rep := fixture.Verify(t, raw, opt); rep.Verdict != check.Verified || rep.Totals.UnjudgedBytes < 14 || rep.Images[0].Evidence[0].Judged {
		t.Errorf("%s, totals %+v, evidence %+v", rep.Verdict, rep.Totals, rep.Images[0].Evidence)
	}
}

// TestReferencesByDigest: a reference by digest alone claims no tag, so the signature
// binds it by naming the repository.
func TestReferencesByDigest(t *testing.T) {
	mine := string(fixture.NewRegistry().RootOf("unsigned:v1"))
	named := func(ref string) func(*fixture.Forge) {
		return func(f *fixture.Forge) { f.Inventory.Images[0].Reference = fixture.Host + ref }
	}
	whole := func(ref string) func(*fixture.Forge) {
		return func(f *fixture.Forge) { f.Inventory.Images[0].Reference = ref }
	}
	other := string(fixture.NewRegistry().RootOf("app:v2"))
	threats(t, "layout", []threat{
		{name: "tag and digest", forge: named("unsigned:v1@" + mine), warn: "policy.reference-unbound"},
		{name: "another digest than the image's", forge: named("unsigned:v1@" + other), want: "layout.inventory"},
		{name: "not written in full", forge: named("unsigned"), want: "layout.inventory"},
		{name: "an option in place of a registry", forge: whole("--root=./x:v1"), want: "layout.inventory signature.docker-reference"},
		{name: "a pattern in place of a registry", forge: whole("*.io/x:v1"), want: "layout.inventory signature.docker-reference"},
		{name: "empty", forge: whole(""), want: "layout.inventory signature.docker-reference"},
	})
	for signed, want := range map[string]check.BoundBy{"": "docker-reference", fixture.Host + "unsigned:v7": "docker-reference"} {
		raw, opt := (&threat{signed: one(fixture.Stages{Reference: signed}), forge: named("unsigned@" + mine)}).build(t, unsigned(t, "unsigned:v1"))
		rep := fixture.Verify(t, raw, opt)
		if len(fixture.Failed(rep))+len(fixture.Warned(rep)) > 0 || rep.Images[0].BoundBy != want {
			t.Errorf("signed for %q: failed %v, warned %v, bound by %s", signed, fixture.Failed(rep), fixture.Warned(rep), rep.Images[0].BoundBy)
		}
	}
}
