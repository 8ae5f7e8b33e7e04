package layer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"
)

// v7Header returns a tar header as written before ustar: without magic, with a
// checksum.
func v7Header(name string, signed bool) []byte {
	h := make([]byte, HeadSize)
	copy(h, name)
	copy(h[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00        ")
	sum := 0
	for _, b := range h {
		if signed {
			sum += int(int8(b))
		} else {
			sum += int(b)
		}
	}
	copy(h[tarSum:], fmt.Sprintf("%06o\x00 ", sum))
	return h
}

func TestSniff(t *testing.T) {
	content := tarball(t, 1, 100)
	broken := v7Header("etc/passwd", false)
	broken[0]++
	for _, c := range []struct {
		name string
		head []byte
		want Format
	}{
		{"ustar", content, Tar},
		{"v7, unsigned sum", v7Header("caf\xe9", false), Tar},
		{"v7, signed sum", v7Header("caf\xe9", true), Tar},
		{"v7, wrong sum", broken, Other},
		{"zero blocks", make([]byte, 1024), Tar},
		{"one zero block", make([]byte, 512), Tar},
		{"half a zero block", make([]byte, 256), Other},
		{"short ustar", content[:511], Other},
		{"gzip", gz(t, content), Gzip},
		{"gzip magic alone", []byte{0x1f, 0x8b, 8}, Gzip},
		{"gzip, another method", []byte{0x1f, 0x8b, 7, 0}, Other},
		{"gzip, cut", []byte{0x1f, 0x8b}, Other},
		{"zstd", zst(t, content), Zstd},
		{"zstd, skippable first", zskip("x"), Zstd},
		{"zstd, skippable 0x4a", []byte{0x4a, 0x2a, 0x4d, 0x18}, Other},
		{"zstd, cut", []byte{0x28, 0xb5, 0x2f}, Other},
		{"xz", append([]byte("\xfd7zXZ\x00"), make([]byte, 600)...), Other},
		{"bzip2", append([]byte("BZh9"), make([]byte, 600)...), Other},
		{"text", bytes.Repeat([]byte("not a tar "), 100), Other},
		{"empty", nil, Other},
	} {
		if got := Sniff(c.head); got != c.want {
			t.Errorf("%s: Sniff = %s, want %s", c.name, got, c.want)
		}
	}
}

func TestPeekKeepsTheFirstBlockOnly(t *testing.T) {
	content := tarball(t, 1, 2000)
	var p Peek
	if p.Format() != Other || len(p.Head()) != 0 {
		t.Errorf("the zero Peek has %d bytes, format %s", len(p.Head()), p.Format())
	}
	for _, b := range content {
		if n, err := p.Write([]byte{b}); n != 1 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if !bytes.Equal(p.Head(), content[:HeadSize]) || p.Format() != Tar {
		t.Errorf("kept %d bytes, format %s; want the first %d of a tar", len(p.Head()), p.Format(), HeadSize)
	}
}

func TestFormatOf(t *testing.T) {
	for _, c := range []struct {
		mediaType string
		want      Format
		layer     bool
	}{
		{"application/vnd.oci.image.layer.v1.tar", Tar, true},
		{"application/vnd.oci.image.layer.v1.tar+gzip", Gzip, true},
		{"application/vnd.oci.image.layer.v1.tar+zstd", Zstd, true},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Gzip, true},
		{"application/vnd.docker.image.rootfs.diff.tar", Tar, true},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", Gzip, true},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Gzip, true},
		{"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Other, true},
		{"Application/Vnd.OCI.Image.Layer.v1.Tar+Gzip", Other, true},
		{"application/vnd.oci.image.layer.v1.tar+gzip; a=b", Other, true},
		{"application/vnd.oci.image.config.v1+json", Other, false},
		{"application/vnd.dev.cosign.simplesigning.v1+json", Other, false},
		{"application/vnd.cncf.helm.chart.content.v1.tar+gzip", Other, false},
		{"", Other, false},
	} {
		got, layer := FormatOf(c.mediaType)
		if got != c.want || layer != c.layer {
			t.Errorf("FormatOf(%q) = %s, %t; want %s, %t", c.mediaType, got, layer, c.want, c.layer)
		}
	}
}

// The layer that Docker writes for an instruction without files. Many manifests
// and configs contain its digest and its diff ID.
func TestDockerEmptyLayer(t *testing.T) {
	packed, err := base64.StdEncoding.DecodeString("H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=")
	must(t, err)
	if got := diffID(packed); got != "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4" {
		t.Fatalf("the vector itself has digest %s", got)
	}
	r := unpackAll(t, packed, Limits{})
	if r.Err != nil || r.Unpacked != 1024 || len(r.Findings) != 0 ||
		r.DiffID != "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef" {
		t.Errorf("got %+v", r)
	}
}
