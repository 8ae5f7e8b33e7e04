package verify_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

const (
	plainLayer = "application/vnd.oci.image.layer.v1.tar"
	gzipLayer  = plainLayer + "+gzip"
	zstdLayer  = plainLayer + "+zstd"
)

// packedLayer is one layer of an image, and the diff_id that its config gives.
type packedLayer struct {
	mediaType string
	raw       []byte
	diffID    oci.Digest
}

// archive is a small tar with one file.
func archive(t testing.TB, file string, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: file, Mode: 0o644, Size: int64(size)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipMembers(t testing.TB, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		w := gzip.NewWriter(&b)
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func zstdFrame(t testing.TB, raw []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll(raw, nil)
}

// imageOf is a bundle with one image of these layers, properly signed.
func imageOf(t testing.TB, config map[string]any, layers ...packedLayer) []byte {
	t.Helper()
	reg := fixture.NewRegistry()
	list, diffIDs := []oci.Descriptor{}, []oci.Digest{}
	for _, l := range layers {
		d := oci.Descriptor{MediaType: l.mediaType, Digest: oci.FromBytes(l.raw), Size: int64(len(l.raw))}
		reg.Blobs[d.Digest] = l.raw
		list, diffIDs = append(list, d), append(diffIDs, l.diffID)
	}
	c := map[string]any{"os": "linux", "architecture": "amd64", "rootfs": map[string]any{"type": "layers", "diff_ids": diffIDs}}
	for k, v := range config {
		c[k] = v
	}
	raw := jsonOf(t, c)
	reg.Blobs[oci.FromBytes(raw)] = raw
	d := reg.Push(fixture.Host+"made", "v1", oci.TypeManifest, jsonOf(t, map[string]any{
		"schemaVersion": 2, "mediaType": oci.TypeManifest, "layers": list,
		"config": oci.Descriptor{MediaType: oci.TypeConfig, Digest: oci.FromBytes(raw), Size: int64(len(raw))},
	}))
	publisher().Sign(reg, fixture.Host+"made", d.Digest)
	return fixture.Export(t, reg, publisher().Request(t, "made:v1"))
}

func jsonOf(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestDeep(t *testing.T) {
	one := archive(t, "one", 3000)
	id, wrong := oci.FromBytes(one), oci.FromBytes([]byte("wrong"))
	long := archive(t, "long", 3<<20)
	twice := append(append([]byte{}, one[:1024]...), one[1024:]...)
	good := packedLayer{gzipLayer, gzipMembers(t, one), id}
	for _, c := range []struct {
		name          string
		layers        []packedLayer
		limits        oci.Limits
		shallow, deep string // failed without and with --deep
		warn          string // of --deep
	}{
		{name: "a gzip layer", layers: []packedLayer{good}},
		{name: "a zstd layer", layers: []packedLayer{{zstdLayer, zstdFrame(t, one), id}}},
		{name: "plain tar layers", layers: []packedLayer{{plainLayer, one, id}}},
		{name: "no layer"},
		{name: "one layer twice", layers: []packedLayer{good, good}},
		{name: "diff_id != sha256(uncompressed)", layers: []packedLayer{{gzipLayer, gzipMembers(t, one), wrong}}, deep: "config.diffid"},
		{name: "diff_id is no digest", layers: []packedLayer{{gzipLayer, gzipMembers(t, one), "sha256:x"}}, deep: "config.diffid"},
		{name: "second of two layers has a wrong diff_id", layers: []packedLayer{good, {plainLayer, long, wrong}}, deep: "config.diffid"},
		{name: "one layer twice, wrong the second time", layers: []packedLayer{good, {gzipLayer, good.raw, wrong}}, deep: "config.diffid"},
		{name: "layer mediaType says gzip, content is zstd", layers: []packedLayer{{gzipLayer, zstdFrame(t, one), id}}, deep: "config.layer-type"},
		{name: "layer mediaType says gzip, content is tar", layers: []packedLayer{{gzipLayer, one, id}}, deep: "config.layer-type"},
		{name: "layer mediaType says tar, content is gzip", layers: []packedLayer{{plainLayer, gzipMembers(t, one), id}}, deep: "config.layer-type"},
		{name: "layer is neither", layers: []packedLayer{{gzipLayer, []byte("neither tar, gzip nor zstd"), id}}, deep: "config.layer-type config.diffid"},
		{name: "layer breaks off", layers: []packedLayer{{gzipLayer, good.raw[:len(good.raw)-9], id}}, deep: "config.diffid"},
		{name: "bytes after the compressed data", layers: []packedLayer{{gzipLayer, append(gzipMembers(t, one), "covert"...), id}}, deep: "config.diffid"},
		{name: "decompression bomb in layer, by ratio", layers: []packedLayer{{gzipLayer, gzipMembers(t, long), oci.FromBytes(long)}}, limits: oci.Limits{Ratio: 50}, deep: "limit.unpacked"},
		{name: "decompression bomb in layer, by size", layers: []packedLayer{{zstdLayer, zstdFrame(t, long), oci.FromBytes(long)}}, limits: oci.Limits{Unpacked: 2 << 20}, deep: "limit.unpacked"},
		{name: "gzip multi-member (signed digest)", layers: []packedLayer{{gzipLayer, gzipMembers(t, twice[:1024], twice[1024:]), id}}, warn: "blob.wrapper policy.reference-unbound"},
		{name: "gzip empty member (signed digest)", layers: []packedLayer{{gzipLayer, gzipMembers(t, one, nil), id}}, warn: "blob.wrapper policy.reference-unbound"},
		{name: "an unknown layer type", layers: []packedLayer{{gzipLayer + "+encrypted", []byte("sealed"), id}}, warn: "config.diffid policy.reference-unbound"},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := imageOf(t, nil, c.layers...)
			opt := publisher().Options()
			judged(t, raw, opt, c.shallow, "", c.limits)
			opt.Deep = true
			judged(t, raw, opt, c.deep, c.warn, c.limits)
		})
	}
}

// judged compares the failed checks of a file and of a pipe.
func judged(t *testing.T, raw []byte, opt verify.Options, want, warn string, lim ...oci.Limits) {
	t.Helper()
	for how, rep := range map[string]*verify.Report{"file": fixture.Verify(t, raw, opt, lim...), "pipe": fixture.VerifyStream(t, raw, opt, lim...)} {
		if failed := strings.Join(fixture.Failed(rep), " "); failed != want {
			t.Errorf("%s, deep %v: failed [%s], want [%s]\n%s", how, opt.Deep, failed, want, details(rep))
		}
		if warned := strings.Join(fixture.Warned(rep), " "); warn != "" && warned != warn {
			t.Errorf("%s, deep %v: warned [%s], want [%s]", how, opt.Deep, warned, warn)
		}
	}
}

// TestWithoutDeepWarnsOfTheType: the first bytes are looked at always.
func TestWithoutDeepWarnsOfTheType(t *testing.T) {
	one := archive(t, "one", 100)
	raw := imageOf(t, nil, packedLayer{gzipLayer, one, oci.FromBytes(one)})
	judged(t, raw, publisher().Options(), "", "config.layer-type policy.reference-unbound")
	rep := fixture.Verify(t, raw, publisher().Options())
	if s := statusOf(rep, "config.diffid"); s != check.Skip {
		t.Errorf("config.diffid is %q, want a skip", s)
	}
}

// TestDeepSeesLayersThatAreMetadataToo: a layer that some evidence carries as
// well is held in memory, and is unpacked all the same.
func TestDeepSeesLayersThatAreMetadataToo(t *testing.T) {
	packed := gzipMembers(t, archive(t, "one", 100))
	for _, raw := range [][]byte{packed, packed[:50]} {
		deepMetadata(t, raw)
	}
}

func deepMetadata(t *testing.T, packed []byte) {
	t.Helper()
	f := fixture.Open(imageOf(t, nil, packedLayer{gzipLayer, packed, oci.FromBytes([]byte("wrong"))}))
	img := &f.Inventory.Images[0]
	referrer := jsonOf(t, map[string]any{
		"schemaVersion": 2, "mediaType": oci.TypeManifest, "artifactType": "application/vnd.example",
		"config":  oci.Descriptor{MediaType: oci.TypeEmpty, Digest: oci.EmptyDigest, Size: 2},
		"layers":  []oci.Descriptor{{MediaType: "text/spdx+json", Digest: oci.FromBytes(packed), Size: int64(len(packed))}},
		"subject": img.Descriptor(),
	})
	img.Evidence = append(img.Evidence, bundle.Evidence{Kind: oci.KindSBOM, Subject: img.Digest,
		Node: bundle.Node{MediaType: oci.TypeManifest, Digest: f.Add(referrer), Size: int64(len(referrer))}})
	opt := publisher().Options()
	judged(t, f.Build(), opt, "", "policy.reference-unbound policy.not-judged")
	opt.Deep = true
	judged(t, f.Build(), opt, "config.diffid", "")
}

func TestConfigs(t *testing.T) {
	one := archive(t, "one", 100)
	layer := packedLayer{gzipLayer, gzipMembers(t, one), oci.FromBytes(one)}
	rootfs := func(ids ...oci.Digest) map[string]any {
		return map[string]any{"rootfs": map[string]any{"type": "layers", "diff_ids": ids}}
	}
	opt := publisher().Options()
	opt.Deep = true
	judged(t, imageOf(t, nil, layer), opt, "", "policy.reference-unbound")
	judged(t, imageOf(t, rootfs(), layer), opt, "config.diff-ids", "")
	judged(t, imageOf(t, rootfs(layer.diffID, layer.diffID), layer), opt, "config.diff-ids", "")
	judged(t, imageOf(t, map[string]any{"ROOTFS": 1}, layer), opt, "config.json", "")
	judged(t, imageOf(t, map[string]any{"os": 7}, layer), opt, "config.json", "")
}
