package oci_test

import (
	"fmt"
	"testing"

	"github.com/gapseal/gapseal/oci"
)

// TestPlatformsMatch holds pairs that container runtimes take for one platform, and
// pairs that they do not.
func TestPlatformsMatch(t *testing.T) {
	for _, c := range []struct {
		offered, want string
		matches       bool
	}{
		{"linux/arm64", "linux/arm64/v8", true},
		{"linux/arm64/v8", "linux/arm64", true},
		{"linux/arm64/8", "linux/arm64/v8", true},
		{"linux/arm64", "linux/arm64/v9", false},
		{"linux/aarch64", "linux/arm64", true},
		{"linux/amd64", "linux/x86_64", true},
		{"linux/amd64", "linux/amd64/v1", true},
		{"linux/amd64", "linux/amd64/v3", false},
		{"linux/arm", "linux/arm/v7", true},
		{"linux/arm/v7", "linux/arm", true},
		{"linux/arm/v6", "linux/arm", true},
		{"linux/arm", "linux/arm/v6", false},
		{"windows/amd64:10.0.20348.1", "windows/amd64", true},
		{"windows/amd64:10.0.20348.1", "windows/amd64:10.0.20348", true},
		{"windows/amd64:10.0.20348.1", "windows/amd64:10.0.20348.1", true},
		{"windows/amd64:10.0.20348.11", "windows/amd64:10.0.20348.1", false},
		{"windows/amd64:10.0.17763.1", "windows/amd64:10.0.20348", false},
		{"windows/amd64", "windows/amd64:10.0.20348", false},
	} {
		offered, err := oci.ParsePlatform(c.offered)
		want, err2 := oci.ParsePlatform(c.want)
		if err != nil || err2 != nil || offered.Matches(want) != c.matches {
			t.Errorf("%s offered, %s wanted: %v %v, want %v", c.offered, c.want, err, err2, c.matches)
		}
	}
}

// TestEvidenceUnderAnImageConfig wants a layer to be evidence under an image config
// only if nothing can unpack it, whatever its type says.
func TestEvidenceUnderAnImageConfig(t *testing.T) {
	header := append([]byte("dsse.json"), make([]byte, 503)...)
	copy(header[148:], sumOf(header))
	printable := []byte("{\"x\":\"")
	for len(printable) < 512 {
		printable = append(printable, ' ')
	}
	copy(printable[148:], sumOf(printable))
	for name, c := range map[string]struct {
		content string
		size    int64
		want    bool
	}{
		"JSON":                  {"{}", 2, true},
		"text":                  {"SPDXVersion: SPDX-2.3\n", 0, true},
		"not at hand":           {"", 7, true},
		"with a NUL":            {"{}\x00", 0, false},
		"gzip":                  {"\x1f\x8b\x08", 0, false},
		"not UTF-8":             {"\xff", 0, false},
		"a tar":                 {string(header), 0, false},
		"a tar that is text":    {string(printable), 0, false},
		"UTF-16, a NUL in each": {"\x00{\x00}", 0, false},
	} {
		m := oci.Manifest{
			MediaType: oci.TypeManifest, Config: oci.Descriptor{MediaType: oci.TypeConfig},
			Layers: []oci.Descriptor{{MediaType: oci.TypeDSSE, Size: c.size}},
		}
		content := func(oci.Digest) bool { return c.content == "" || oci.IsText([]byte(c.content)) }
		if _, ok := m.EvidenceKind(content); ok != c.want {
			t.Errorf("%s: evidence %v, want %v", name, ok, c.want)
		}
		m.Config.MediaType = oci.TypeEmpty
		if _, ok := m.EvidenceKind(content); !ok {
			t.Errorf("%s: no evidence under an empty config, which no runtime unpacks", name)
		}
	}
}

// sumOf returns the checksum of a tar header.
func sumOf(header []byte) string {
	sum := 0
	for i, b := range header {
		if i >= 148 && i < 156 {
			b = ' '
		}
		sum += int(b)
	}
	return fmt.Sprintf("%06o  ", sum)
}
