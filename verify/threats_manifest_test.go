package verify_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

// TestManifestThreats signs an image whose manifest is malformed in one thing.
func TestManifestThreats(t *testing.T) {
	digest := regexp.MustCompile(`"digest":"sha256:[0-9a-f]{64}"`)
	first := func(value string) func(*fixture.Forge) {
		return root(func(s string) string { return strings.Replace(s, digest.FindString(s), `"digest":"`+value+`"`, 1) })
	}
	deviate(t, "manifest", []deviation{
		{name: "duplicate JSON key config", forge: rootSwap(`"config":`, `"config":null,"config":`), want: "manifest.json"},
		{name: "duplicate JSON key layers", forge: rootSwap(`"layers":`, `"layers":[],"layers":`), want: "manifest.json"},
		{name: "duplicate JSON key digest", forge: rootSwap(`"digest":`, `"digest":"`+string(oci.EmptyDigest)+`","digest":`), want: "manifest.json"},
		{name: "duplicate JSON key, one of them escaped", forge: rootSwap(`"layers":`, `"\u006cayers":[],"layers":`), want: "manifest.json"},
		{name: "duplicate JSON key that is not read", forge: rootSwap(`"layers":`, `"x":1,"x":2,"layers":`), want: "manifest.json"},
		{name: "case-variant key Layers", forge: rootSwap(`"layers":`, `"Layers":[],"layers":`), want: "manifest.json"},
		{name: "case-variant key alone", forge: rootSwap(`"layers":`, `"Layers":`), want: "manifest.json"},
		{name: "case-variant key with long s", forge: rootSwap(`"layers":`, `"layer\u017f":[],"layers":`), want: "manifest.json"},
		{name: "case-variant key in a descriptor", forge: rootSwap(`"digest":`, `"Digest":"`+string(oci.EmptyDigest)+`","digest":`), want: "manifest.json"},
		{name: "media type in body differs from descriptor", forge: rootSwap(oci.TypeManifest, oci.TypeDockerManifest), want: "manifest.media-type"},
		{name: "media type of an index on a manifest", forge: rootSwap(oci.TypeManifest, oci.TypeIndex), want: "manifest.media-type"},
		{name: "media type missing", forge: rootSwap(`"mediaType":"`+oci.TypeManifest+`",`, ""), warn: "manifest.media-type"},
		{name: "media type that is no manifest's", forge: rootType("application/json"), want: "manifest.media-type"},
		{name: "both a manifest and an index", forge: rootSwap(`"layers":`, `"manifests":[],"layers":`), want: "manifest.media-type"},
		{name: "neither a manifest nor an index", forge: root(func(string) string { return `{"schemaVersion":2,"mediaType":"` + oci.TypeManifest + `"}` }), want: "manifest.media-type"},
		{name: "layers without a config", forge: root(func(s string) string { return regexp.MustCompile(`"config":\{[^}]*\},`).ReplaceAllString(s, "") }), want: "manifest.media-type"},
		{name: "schemaVersion 1", forge: rootSwap(`"schemaVersion":2`, `"schemaVersion":1`), want: "manifest.json"},
		{name: "sha512 digest descriptor", forge: first("sha512:" + strings.Repeat("a", 128)), want: "manifest.digest"},
		{name: "digest with ../", forge: first("sha256:../../../../etc/passwd"), want: "manifest.digest"},
		{name: "digest with ../ of the right length", forge: first("sha256:" + strings.Repeat("../", 21) + "a"), want: "manifest.digest"},
		{name: "digest in upper case", forge: first("sha256:" + strings.Repeat("A", 64)), want: "manifest.digest"},
		{name: "digest too short", forge: first("sha256:" + strings.Repeat("a", 63)), want: "manifest.digest"},
		{name: "digest empty", forge: first(""), want: "manifest.digest"},
		{name: "digest of no algorithm", forge: first(strings.Repeat("a", 64)), want: "manifest.digest"},
		{name: "digest of an unknown algorithm", forge: first("md5:" + strings.Repeat("a", 32)), want: "manifest.digest"},
		{name: "negative size", forge: rootSwap(`"size":427`, `"size":-427`), want: "manifest.size"},
		{name: "size with a fraction", forge: rootSwap(`"size":427`, `"size":427.0`), want: "manifest.json"},
		{name: "urls (foreign layer) beside the blob", forge: rootSwap(`"size":152`, `"size":152,"urls":["https://example.com/layer"]`)},
		{name: "urls (foreign layer) instead of the blob", forge: rootSwap(`"size":152`, `"size":152,"urls":["https://example.com/layer"]`), after: without(regexp.MustCompile(`^8a49`)), want: "manifest.foreign"},
		{name: "trailing data", forge: root(func(s string) string { return s + "{}" }), want: "manifest.json"},
		{name: "trailing NUL", forge: root(func(s string) string { return s + "\x00" }), want: "manifest.json"},
		{name: "byte order mark", forge: root(func(s string) string { return "\xef\xbb\xbf" + s }), want: "manifest.json"},
		{name: "white space around", forge: root(func(s string) string { return " \r\n" + s + "\n\t" })},
		{name: "invalid UTF-8", forge: rootSwap(`"layers":`, "\"x\":\"\xff\",\"layers\":"), want: "manifest.json"},
		{name: "a list", forge: root(func(s string) string { return "[" + s + "]" }), want: "manifest.json"},
		{name: "empty objects beyond number", forge: rootSwap(`"layers":[`, `"layers":[`+strings.Repeat("{},", 1000)), want: "manifest.json"},
	})
	deviate(t, "blob", []deviation{
		{name: "size that the blob has not", forge: rootSwap(`"size":427`, `"size":426`), want: "blob.size"},
		{name: "two sizes for one layer", forge: root(twoSizes), want: "blob.size manifest.size config.diff-ids"},
		{name: "child's size differs", base: multiBundle, forge: root(func(s string) string {
			return regexp.MustCompile(`"size":\d+`).ReplaceAllString(s, `"size":1`)
		}), want: "blob.size"},
		{name: "inline data disagrees with digest", forge: rootSwap(`"size":427`, `"size":427,"data":"e30="`), want: "blob.inline"},
		{name: "inline data agrees with digest", forge: rootEmptyLayer},
	})
	deviate(t, "limit", []deviation{
		{name: "JSON nesting 10k", forge: rootSwap(`"layers":`, `"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`,"layers":`), want: "limit.nesting"},
		{name: "manifest of 5 MiB", forge: root(func(s string) string { return s + strings.Repeat(" ", 5<<20) }), want: "limit.manifest"},
	})
}

// TestIndexThreats changes what an index names.
func TestIndexThreats(t *testing.T) {
	arm := oci.Platform{OS: "linux", Architecture: "arm64"}
	deviate(t, "manifest", []deviation{
		{name: "index child missing from the bundle", base: multiBundle, after: withoutChild(false), want: "manifest.child"},
		{name: "index child missing, recorded as left out", base: multiBundle, after: withoutChild(true), warn: "manifest.narrowed"},
		{name: "platform stripped and the inventory rewritten, platform asked for", base: multiBundle, after: withoutChild(true), opt: func(o *verify.Options) { o.Platforms = []oci.Platform{arm} }, want: "manifest.narrowed"},
		{name: "every child left out", base: multiBundle, after: withoutChildren, want: "manifest.runnable"},
		{name: "child's media type differs", base: multiBundle, forge: rootSwap(`"manifests":[{"mediaType":"`+oci.TypeManifest, `"manifests":[{"mediaType":"`+oci.TypeDockerManifest), want: "manifest.media-type"},
	})
	deviate(t, "signature", []deviation{
		{name: "child digest swapped, index re-hashed", base: multiBundle, after: swapChild, want: "signature.claims"},
		{name: "child's config swapped, all above re-hashed", base: multiBundle, after: swapConfig, want: "signature.claims"},
	})
	deviate(t, "layout", []deviation{
		{name: "omitted platforms in another order", base: multiBundle, after: func(f *fixture.Forge) { withoutChildren(f); keep(f); slices.Reverse(f.Inventory.Images[0].Omitted) }, want: "layout.inventory manifest.runnable"},
		{name: "omitted platform listed twice", base: multiBundle, after: func(f *fixture.Forge) {
			withoutChild(true)(f)
			img := &f.Inventory.Images[0]
			img.Omitted = append(img.Omitted, img.Omitted[0])
		}, want: "layout.inventory"},
		{name: "omitted platform under another name", base: multiBundle, after: func(f *fixture.Forge) {
			withoutChild(true)(f)
			f.Inventory.Images[0].Omitted[0].Platform = "linux/s390x"
		}, want: "layout.inventory"},
		{name: "omitted child that is there", base: multiBundle, after: func(f *fixture.Forge) {
			keep(f)
			withoutChild(true)(f)
			f.Inventory.Images[0].Platforms = f.Inventory.Images[0].Platforms[:1]
		}, want: "layout.roles"},
	})
}

// root changes the text of the image's manifest or index.
func root(change func(string) string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		d := f.Inventory.Images[0].Digest
		if f.Edit(d, change) == d {
			panic("nothing changed")
		}
	}
}

func rootSwap(old, s string) func(*fixture.Forge) {
	return root(func(text string) string { return strings.Replace(text, old, s, 1) })
}

func rootType(mediaType string) func(*fixture.Forge) {
	return func(f *fixture.Forge) { f.Inventory.Images[0].MediaType = mediaType }
}

// rootEmptyLayer adds the empty blob as a layer, its content inlined.
func rootEmptyLayer(f *fixture.Forge) {
	empty := fmt.Sprintf(`{"mediaType":"%s","digest":"%s","size":2,"data":"e30="}`, oci.TypeEmpty, oci.EmptyDigest)
	rootSwap(`"layers":[`, `"layers":[`+empty+`,`)(f)
	diffID := `"diff_ids":[`
	f.Edit(configOf(f), func(s string) string { return strings.Replace(s, diffID, diffID+`"`+string(oci.EmptyDigest)+`",`, 1) })
}

// twoSizes names the first layer again with another size.
func twoSizes(s string) string {
	i := strings.Index(s, `"layers":[`) + len(`"layers":[`)
	layer := s[i : i+strings.Index(s[i:], "}")+1]
	return s[:i] + strings.Replace(layer, `"size":152`, `"size":153`, 1) + "," + s[i:]
}

var digests = regexp.MustCompile(`sha256:[0-9a-f]{64}`)

// configOf finds the config of the one image of soloBundle.
func configOf(f *fixture.Forge) oci.Digest {
	return oci.Digest(digests.FindString(string(f.Blobs[f.Inventory.Images[0].Digest])))
}

// children lists the platforms of the index of multiBundle.
func children(f *fixture.Forge) (list []bundle.Omitted) {
	m, _ := oci.ParseManifest(f.Blobs[f.Inventory.Images[0].Digest], oci.TypeIndex)
	for _, d := range m.Manifests {
		list = append(list, bundle.Omitted{Platform: d.Platform.String(), Digest: d.Digest})
	}
	return list
}

func withoutChild(recorded bool) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		last := children(f)[1:]
		if recorded {
			f.Inventory.Images[0].Omitted = last
		} else {
			delete(f.Blobs, last[0].Digest)
		}
	}
}

func withoutChildren(f *fixture.Forge) { f.Inventory.Images[0].Omitted = children(f) }

// swapChild replaces a child by another good manifest.
func swapChild(f *fixture.Forge) {
	f.Edit(children(f)[0].Digest, func(s string) string { return strings.Replace(s, `"layers":`, `"annotations":{"a":"b"},"layers":`, 1) })
}

func swapConfig(f *fixture.Forge) {
	child := string(f.Blobs[children(f)[0].Digest])
	f.Edit(oci.Digest(digests.FindString(child)), func(s string) string { return s + " " })
}

// without removes blobs whose hex matches.
func without(hex *regexp.Regexp) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		for d := range f.Blobs {
			if hex.MatchString(d.Hex()) {
				delete(f.Blobs, d)
				return
			}
		}
		panic("no such blob")
	}
}
