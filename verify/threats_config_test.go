package verify_test

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
)

const (
	typeGzip = "application/vnd.oci.image.layer.v1.tar+gzip"
	typeZstd = "application/vnd.oci.image.layer.v1.tar+zstd"
)

func deep(o *verify.Options) { o.Deep = true }

// TestBlobThreats damages content, or hides something in how it is compressed.
func TestBlobThreats(t *testing.T) {
	deviate(t, "blob", []deviation{
		{name: "bit flip in a layer", raw: poke(-1, 512+30, 0xfe), want: "blob.digest"},
		{name: "bit flip in a layer, unpacked", raw: poke(-1, 512+140, 0xfe), opt: deep, want: "blob.digest config.diffid"},
		{name: "layer of the right size and other content", files: content(-1, strings.Repeat("x", 152)), want: "blob.digest", warn: "config.layer-type"},
		{name: "layer truncated in the file", files: content(-1, "short"), want: "blob.size", warn: "config.layer-type"},
		{name: "layer extended in the file", files: ending(-1, "more"), want: "blob.size"},
		{name: "layer extended in file and inventory", after: extend, want: "blob.digest blob.size"},
		{name: "two layers exchanged under each other's names", files: exchangedContent(-1, -2), want: "blob.digest"},
		{name: "gzip with an empty member", forge: layer(typeGzip, multiMember("")), opt: deep, warn: "blob.wrapper"},
		{name: "gzip of two members", forge: layer(typeGzip, multiMember("more")), opt: deep, warn: "blob.wrapper"},
		{name: "gzip with covert text in its header", forge: layer(typeGzip, namedMember), opt: deep, warn: "blob.wrapper"},
		{name: "zstd with a skippable frame", forge: layer(typeZstd, skippable), opt: deep, warn: "blob.wrapper"},
		{name: "zstd of two frames", forge: layer(typeZstd, twoFrames), opt: deep, warn: "blob.wrapper"},
	})
	deviate(t, "limit", []deviation{
		{name: "decompression bomb in a layer, by ratio", forge: layerOf(typeGzip, make([]byte, 4<<20), plainMember), opt: deep, want: "limit.unpacked"},
		{name: "decompression bomb in a layer, by size", opt: deep, limits: oci.Limits{Unpacked: 1000}, want: "limit.unpacked"},
	})
}

// TestMetadataBlobThreats damages metadata. The digests in the file and in the
// inventory stay as they are.
func TestMetadataBlobThreats(t *testing.T) {
	for name, find := range map[string]func(*fixture.Forge) oci.Digest{
		"config": configOf, "manifest": rootOf,
	} {
		deviate(t, "blob", []deviation{
			{name: "bit flip in the " + name, files: func(f files) files {
				d := find(fixture.Open(fixture.Pack(f)))
				i := slices.IndexFunc(f, func(e fixture.File) bool { return e.Name == "blobs/sha256/"+d.Hex() })
				f[i].Data[len(f[i].Data)/2] ^= 1
				return f
			}, want: "blob.digest"},
		})
	}
}

// TestConfigThreats signs an image whose config does not match it.
func TestConfigThreats(t *testing.T) {
	deviate(t, "config", []deviation{
		{name: "fewer diff_ids than layers", forge: config(func(s string) string {
			return strings.Replace(s, `"diff_ids":["`+diffIDs(s)[0]+`",`, `"diff_ids":[`, 1)
		}), want: "config.diff-ids"},
		{name: "more diff_ids than layers", forge: config(func(s string) string {
			return strings.Replace(s, `"diff_ids":[`, `"diff_ids":["`+diffIDs(s)[0]+`",`, 1)
		}), want: "config.diff-ids"},
		{name: "no rootfs at all", forge: configSwap(`"rootfs"`, `"notfs"`), want: "config.diff-ids"},
		{name: "diff_id is not that of the layer", forge: config(otherDiffID), opt: deep, want: "config.diffid"},
		{name: "diff_ids in another order", forge: config(swapDiffIDs), opt: deep, want: "config.diffid"},
		{name: "diff_id is not that of the layer, layers not unpacked", forge: config(otherDiffID)},
		{name: "duplicate key rootfs", forge: configSwap(`"rootfs":`, `"rootfs":{},"rootfs":`), want: "config.json"},
		{name: "case-variant key RootFS", forge: configSwap(`"rootfs":`, `"RootFS":{},"rootfs":`), want: "config.json"},
		{name: "case-variant key with long s", forge: configSwap(`"rootfs":`, `"rootf\u017f":{},"rootfs":`), want: "config.json"},
		{name: "case-variant key inside rootfs", forge: configSwap(`"diff_ids":`, `"Diff_IDs":[],"diff_ids":`), want: "config.json"},
		{name: "trailing data", forge: config(func(s string) string { return s + "{}" }), want: "config.json"},
		{name: "byte order mark", forge: config(func(s string) string { return "\xef\xbb\xbf" + s }), want: "config.json"},
		{name: "no JSON", forge: config(func(string) string { return "config" }), want: "config.json"},
		{name: "os and architecture differ from the index", base: multiBundle, forge: childConfig(`"architecture":"amd64"`, `"architecture":"s390x"`), warn: "config.platform"},
		{name: "media type says gzip, content is zstd", forge: layer(typeGzip, twoFrames), warn: "config.layer-type"},
		{name: "media type says gzip, content is tar", forge: layer(typeGzip, bytes.Clone), warn: "config.layer-type"},
		{name: "media type says gzip, content is zstd, unpacked", forge: layer(typeGzip, oneFrame), opt: deep, want: "config.layer-type"},
		{name: "media type says gzip, content is tar, unpacked", forge: layer(typeGzip, bytes.Clone), opt: deep, want: "config.layer-type"},
		{name: "a layer that is evidence too is unpacked all the same", forge: func(f *fixture.Forge) {
			config(otherDiffID)(f)
			alsoEvidence(f)
		}, opt: deep, want: "config.diffid"},
	})
	deviate(t, "limit", []deviation{
		{name: "JSON nesting 10k in a config", forge: configSwap(`"rootfs":`, `"x":`+strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)+`,"rootfs":`), want: "limit.nesting"},
		{name: "config of 5 MiB", forge: config(func(s string) string { return s + strings.Repeat(" ", 5<<20) }), want: "limit.config"},
	})
}

func rootOf(f *fixture.Forge) oci.Digest { return f.Inventory.Images[0].Digest }

func config(change func(string) string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		if d := configOf(f); f.Edit(d, change) == d {
			panic("nothing changed")
		}
	}
}

func configSwap(old, s string) func(*fixture.Forge) {
	return config(func(text string) string { return strings.Replace(text, old, s, 1) })
}

// childConfig changes the config of the first child of multiBundle.
func childConfig(old, s string) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		d := oci.Digest(digests.FindString(string(f.Blobs[children(f)[0].Digest])))
		if f.Edit(d, func(text string) string { return strings.Replace(text, old, s, 1) }) == d {
			panic("nothing changed")
		}
	}
}

func diffIDs(config string) []string {
	return digests.FindAllString(config[strings.Index(config, `"diff_ids"`):], -1)
}

func otherDiffID(s string) string {
	return strings.Replace(s, diffIDs(s)[0], "sha256:"+hex.EncodeToString(make([]byte, 32)), 1)
}

func swapDiffIDs(s string) string {
	ids := diffIDs(s)
	return strings.NewReplacer(ids[0], ids[1], ids[1], ids[0]).Replace(s)
}

// layer replaces the first layer by what pack makes of a tar. The diff_id is that of
// the tar.
func layer(mediaType string, pack func(tar []byte) []byte) func(*fixture.Forge) {
	return layerOf(mediaType, fixture.Pack([]fixture.File{{Name: "hello", Data: []byte("world")}}), pack)
}

func layerOf(mediaType string, tar []byte, pack func(tar []byte) []byte) func(*fixture.Forge) {
	return func(f *fixture.Forge) {
		manifest := string(f.Blobs[rootOf(f)])
		old := oci.Digest(digests.FindAllString(manifest, -1)[1])
		f.Edit(configOf(f), func(s string) string {
			return strings.Replace(s, diffIDs(s)[0], string(oci.FromBytes(tar)), 1)
		})
		f.Replace(old, pack(tar))
		f.Edit(rootOf(f), func(s string) string { return strings.Replace(s, typeGzip, mediaType, 1) })
	}
}

func member(b []byte, name string) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	w.Name = name
	w.Write(b)
	w.Close()
	return out.Bytes()
}

// multiMember splits a tar into two members; without more, the second is empty.
func multiMember(more string) func([]byte) []byte {
	return func(tar []byte) []byte {
		if more == "" {
			return append(member(tar, ""), member(nil, "")...)
		}
		return append(member(tar[:512], ""), member(tar[512:], "")...)
	}
}

func namedMember(tar []byte) []byte { return member(tar, "covert text") }

func plainMember(tar []byte) []byte { return member(tar, "") }

func oneFrame(tar []byte) []byte { return zstandard(tar) }

func twoFrames(tar []byte) []byte { return append(zstandard(tar[:512]), zstandard(tar[512:])...) }

func skippable(tar []byte) []byte {
	return append(zstandard(tar), "\x50\x2a\x4d\x18\x06\x00\x00\x00covert"...)
}

// extend makes the first layer longer in the file and in the inventory; the manifest
// and the name in the file stay.
func extend(f *fixture.Forge) {
	keep(f)
	for i := range f.Inventory.Blobs {
		if b := &f.Inventory.Blobs[i]; !b.Metadata() {
			f.Blobs[b.Digest] = append(bytes.Clone(f.Blobs[b.Digest]), "more"...)
			b.Size += 4
			return
		}
	}
}

func exchangedContent(i, j int) func(files) files {
	return func(f files) files {
		a, b := fileAt(f, i), fileAt(f, j)
		a.Data, b.Data = b.Data, a.Data
		return f
	}
}

// alsoEvidence lists a referrer whose one layer is the image's first layer.
func alsoEvidence(f *fixture.Forge) {
	d := oci.Digest(digests.FindAllString(string(f.Blobs[rootOf(f)]), -1)[1])
	empty := fixture.Describe(oci.TypeEmpty, oci.EmptyDigest, 2)
	referrer(empty, fixture.Describe("text/spdx+json", d, int64(len(f.Blobs[d]))))(f)
	ev := f.Inventory.Images[0].Evidence
	ev[len(ev)-1].Kind = oci.KindSBOM
}
