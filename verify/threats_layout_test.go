package verify_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
)

const marker = `{"imageLayoutVersion":"1.0.0"}`

// TestLayoutThreats changes what the layout lists.
func TestLayoutThreats(t *testing.T) {
	upper := func(name string) string { return "blobs/sha256/" + strings.ToUpper(name[13:]) }
	deviate(t, "layout", []deviation{
		{name: "oci-layout missing", files: dropping(0), want: "layout.marker"},
		{name: "oci-layout malformed", files: content(0, "{"), want: "layout.marker"},
		{name: "oci-layout empty", files: content(0, ""), want: "layout.marker"},
		{name: "oci-layout version 2.0.0", files: content(0, strings.Replace(marker, "1", "2", 1)), want: "layout.marker"},
		{name: "oci-layout with a line feed", files: content(0, marker+"\n"), want: "layout.marker"},
		{name: "oci-layout of a megabyte", files: content(0, marker+strings.Repeat(" ", 1<<20)), want: "layout.marker"},
		{name: "index.json missing", files: dropping(1), want: "layout.index"},
		{name: "index.json is no JSON", files: content(1, "{"), want: "layout.index"},
		{name: "index.json with empty manifests", files: content(1, `{"schemaVersion":2,"mediaType":"`+oci.TypeIndex+`","manifests":[]}`), want: "layout.index"},
		{name: "index.json of another media type", files: swapping(1, oci.TypeIndex, oci.TypeDockerList), want: "layout.index"},
		{name: "index.json with white space", files: swapping(1, ",", ", "), want: "layout.index"},
		{name: "index.json with a line feed", files: ending(1, "\n"), want: "layout.index"},
		{name: "index.json with escapes", files: swapping(1, "application", `\u0061pplication`), want: "layout.index"},
		{name: "index.json with another name for the image", files: swapping(1, "acme/unsigned:v1", "acme/unsigned:v9"), want: "layout.index"},
		{name: "index.json with its members in another order", files: swapping(1, `"schemaVersion":2,"mediaType":"`+oci.TypeIndex+`"`, `"mediaType":"`+oci.TypeIndex+`","schemaVersion":2`), want: "layout.index"},
		{name: "index.json with a duplicate key", files: swapping(1, `"schemaVersion":2`, `"schemaVersion":2,"schemaVersion":2`), want: "layout.index"},
		{name: "signature descriptor removed from index.json alone", files: withoutSignature, want: "layout.index"},
		{name: "extra unnamed descriptor in index.json", files: swapping(1, `"manifests":[`, `"manifests":[{"mediaType":"`+oci.TypeManifest+`","digest":"`+string(oci.EmptyDigest)+`","size":2},`), want: "layout.index"},
		{name: "blob not reachable from index.json, not in the inventory", files: covert, want: "layout.unlisted"},
		{name: "blob not reachable from index.json, in the inventory as a layer", after: listing(bundle.RoleLayer), want: "layout.roles"},
		{name: "blob not reachable from index.json, in the inventory as metadata", after: listing(bundle.RoleEvidence), want: "layout.roles"},
		{name: "blob in the inventory and not in the file", files: dropping(-1), want: "layout.missing"},
		{name: "blob given another role", after: roles(func(b *bundle.Blob) { b.Roles = append(b.Roles, bundle.RoleUnjudged) }), want: "layout.roles"},
		{name: "layer given the role of metadata", after: roles(func(b *bundle.Blob) { b.Roles = []bundle.Role{bundle.RoleConfig} }), want: "layout.roles"},
		{name: "blob file name upper case hex", files: renaming(-1, upper), want: "layout.name layout.missing"},
		{name: "blob file name of wrong length", files: renaming(-1, func(s string) string { return s[:70] }), want: "layout.name layout.missing"},
		{name: "blob below blobs/sha1", files: renaming(-1, func(s string) string { return "blobs/sha1/" + s[13:53] }), want: "layout.name layout.missing"},
		{name: "blob below blobs/sha512", files: renaming(-1, func(s string) string { return "blobs/sha512/" + s[13:] }), want: "layout.name layout.missing"},
		{name: "signature descriptor removed, blob left behind", after: func(f *fixture.Forge) { keep(f); f.Unsign(0) }, want: "layout.roles signature.present"},
		{name: "covert blob in place of the inventory's config", files: fixedBlob(3, []byte("covert")), want: "layout.inventory"},
		{name: "inventory missing", files: func(f []fixture.File) []fixture.File { return slices.Delete(f, 2, 5) }, want: "layout.inventory"},
		{name: "no image", after: func(f *fixture.Forge) { f.Inventory.Images = []bundle.Image{} }, want: "layout.inventory"},
	})
}

// TestLayoutOrderThreats stores the right entries in another order.
func TestLayoutOrderThreats(t *testing.T) {
	deviate(t, "container", []deviation{
		{name: "inventory's config before its manifest", files: exchanging(2, 3), want: "container.order"},
		{name: "metadata in another order", files: exchanging(5, 6), want: "container.order"},
		{name: "layers in another order", files: exchanging(-1, -2), want: "container.order"},
		{name: "index.json before oci-layout", files: exchanging(0, 1), want: "container.order layout.marker"},
	})
}

// TestInventoryThreats writes the inventory in another way, consistently.
func TestInventoryThreats(t *testing.T) {
	inv := func(change func(*bundle.Inventory)) func(*fixture.Forge) {
		return func(f *fixture.Forge) { keep(f); change(&f.Inventory) }
	}
	image := func(change func(*bundle.Image)) func(*fixture.Forge) {
		return inv(func(v *bundle.Inventory) { change(&v.Images[0]) })
	}
	deviate(t, "layout", []deviation{
		{name: "inventory lists fewer images than are present", base: twoBundle, after: inv(func(v *bundle.Inventory) { v.Images = v.Images[:1] }), want: "layout.roles"},
		{name: "inventory lists more images than are present", after: inv(more), want: "layout.missing policy.unsigned-image signature.present"},
		{name: "images in another order", base: twoBundle, after: inv(func(v *bundle.Inventory) { slices.Reverse(v.Images) }), want: "layout.inventory"},
		{name: "an image twice", after: inv(func(v *bundle.Inventory) { v.Images = append(v.Images, v.Images[0]) }), want: "layout.inventory"},
		{name: "two images under one reference", base: twoBundle, after: inv(func(v *bundle.Inventory) { v.Images[1].Reference = v.Images[0].Reference }), want: "layout.inventory"},
		{name: "blobs in another order", after: inv(func(v *bundle.Inventory) { slices.Reverse(v.Blobs) }), want: "layout.inventory"},
		{name: "the image's manifest listed twice, first as a layer", after: inv(shadow), files: withoutTwins, want: "layout.inventory"},
		{name: "a key twice", after: inv(func(v *bundle.Inventory) { v.Keys = append(v.Keys, v.Keys[0]) }), want: "layout.inventory"},
		{name: "evidence twice", after: image(func(i *bundle.Image) { i.Evidence = append(i.Evidence, i.Evidence[0]) }), want: "layout.inventory"},
		{name: "evidence of another kind", after: image(func(i *bundle.Image) { i.Evidence[0].Kind = oci.KindSBOM }), want: "layout.inventory signature.present"},
		{name: "evidence for something else", after: image(func(i *bundle.Image) { i.Evidence[0].Subject = oci.EmptyDigest }), want: "layout.inventory layout.roles signature.present"},
		{name: "evidence for itself", after: image(func(i *bundle.Image) { i.Evidence[0].Subject = i.Evidence[0].Digest }), want: "layout.inventory layout.roles signature.present"},
		{name: "platform that is not carried", after: image(func(i *bundle.Image) { i.Platforms = append(i.Platforms, "linux/arm64") }), want: "layout.inventory"},
		{name: "platform left unsaid", after: image(func(i *bundle.Image) { i.Platforms = []string{} }), want: "layout.inventory"},
		{name: "omitted platform that the index does not have", after: image(func(i *bundle.Image) {
			i.Omitted = []bundle.Omitted{{Platform: "linux/s390x", Digest: oci.EmptyDigest}}
		}), want: "layout.inventory"},
		{name: "reference not in full", after: image(func(i *bundle.Image) { i.Reference = "alpine" }), want: "layout.inventory signature.docker-reference"},
		{name: "reference with another digest", after: image(func(i *bundle.Image) { i.Reference += "@" + string(oci.EmptyDigest) }), want: "layout.inventory"},
		{name: "reference of 2000 bytes", after: image(func(i *bundle.Image) { i.Reference += strings.Repeat("a", 2000) }), want: "layout.inventory"},
		{name: "text in the tool's version", after: inv(func(v *bundle.Inventory) { v.Tool.Version = "covert text" }), want: "layout.inventory"},
		{name: "unknown waiver", after: inv(func(v *bundle.Inventory) { v.Waivers = []string{"covert text"} }), want: "layout.inventory"},
		{name: "another schema", after: inv(func(v *bundle.Inventory) { v.Schema = "gapseal.inventory/v2" }), want: "layout.inventory"},
		{name: "white space", files: inventory(func(b []byte) []byte { return append(b, '\n') }), want: "layout.inventory"},
		{name: "unknown name", files: inventory(func(b []byte) []byte { return bytes.Replace(b, []byte("{"), []byte(`{"covert":1,`), 1) }), want: "layout.inventory"},
		{name: "duplicate name", files: inventory(func(b []byte) []byte { return bytes.Replace(b, []byte("{"), []byte(`{"keys":[],`), 1) }), want: "layout.inventory"},
		{name: "null for a list", files: inventory(func(b []byte) []byte { return bytes.Replace(b, []byte(`"waivers":[]`), []byte(`"waivers":null`), 1) }), want: "layout.inventory"},
		{name: "escaped text", files: inventory(func(b []byte) []byte { return bytes.Replace(b, []byte("linux"), []byte(`\u006cinux`), 1) }), want: "layout.inventory"},
	})
}

// TestUnsignedImageThreats adds something that could be run.
func TestUnsignedImageThreats(t *testing.T) {
	layer := `{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:8a49fd1620e05f5d0eebccb925823921cbf6d078ac2f28707c4a0df8242db524","size":152}`
	empty := `{"mediaType":"` + oci.TypeEmpty + `","digest":"` + string(oci.EmptyDigest) + `","size":2}`
	config := `{"mediaType":"` + oci.TypeConfig + `","digest":"sha256:5d02bc3fee6f2746b4595e9d6c9d914c4f9c990cffa6f5b5e9022e59b7be9854","size":427}`
	sbom := `{"mediaType":"text/spdx+json","digest":"` + string(oci.EmptyDigest) + `","size":2}`
	deviate(t, "policy", []deviation{
		{name: "extra unsigned image in index.json, named", base: twoBundle, after: func(f *fixture.Forge) { f.Unsign(1) }, want: "policy.unsigned-image signature.present"},
		{name: "one image under two names, one of them unsigned", after: secondName, want: "policy.unsigned-image signature.present"},
		{name: "imageIndex signed plus image unsigned", base: indexAndImage, after: func(f *fixture.Forge) { f.Unsign(1) }, want: "policy.unsigned-image signature.present"},
		{name: "dressed as a referrer, with image layers", after: referrer(empty, layer), want: "policy.unsigned-image"},
		{name: "dressed as a referrer, with an image config", after: referrer(config, sbom+","+layer), want: "policy.unsigned-image"},
		{name: "dressed as a referrer, layer type in capitals", after: referrer(empty, strings.Replace(layer, "layer.v1.tar", "LAYER.v1.TAR", 1)), want: "policy.unsigned-image"},
		{name: "dressed as a referrer, with a plain tar", after: referrer(empty, strings.Replace(layer, "vnd.oci.image.layer.v1.tar+gzip", "x-gtar", 1)), want: "policy.unsigned-image"},
		{name: "dressed as a referrer, an index", after: referringIndex, want: "policy.unsigned-image"},
	})
}
