package oci_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

func TestParseDigest(t *testing.T) {
	if d, err := oci.ParseDigest("sha256:" + hexA); err != nil || d.Hex() != hexA || d.String() != "sha256:"+hexA {
		t.Errorf("a good digest: %s, %v", d, err)
	}
	for _, bad := range []string{
		"", "sha256:", hexA, "sha256:" + hexA[1:], "sha256:" + hexA + "a", "SHA256:" + hexA,
		"sha256:" + strings.ToUpper(hexA),
		"sha512:" + hexA + hexA, "md5:" + hexA[:32], "sha256:" + strings.Repeat("../", 21) + "a",
		"sha256:../../etc/passwd", " sha256:" + hexA,
		"sha256:" + hexA + "\n", "sha256-" + hexA, "sha256:" + hexA[:63] + "\u0430", strings.Repeat("x", 1<<20),
	} {
		if d, err := oci.ParseDigest(bad); err == nil || d != "" || len(err.Error()) > 450 {
			t.Errorf("ParseDigest(%.80q) = %q, want a short error", bad, d)
		}
	}
	if got := oci.FromBytes([]byte("{}")); got != oci.EmptyDigest {
		t.Errorf("FromBytes({}) = %s", got)
	}
}

func TestParseConfig(t *testing.T) {
	c, f := oci.ParseConfig([]byte(`{"os":"linux","architecture":"arm","variant":"v7",
		"rootfs":{"type":"layers","diff_ids":["x"]},"config":{"Env":[]},"OSVersion":1}`))
	if f != nil || c.Platform().String() != "linux/arm/v7" || len(c.RootFS.DiffIDs) != 1 {
		t.Errorf("config %+v, fault %v", c, f)
	}
	for raw, want := range map[string]check.ID{
		`{"rootfs":{},"rootfs":{}}`: check.ConfigJSON, `{"OS":"linux"}`: check.ConfigJSON, `{`: check.ConfigJSON,
		`{"x":` + strings.Repeat("[", 100): check.LimitNesting,
	} {
		if c, f := oci.ParseConfig([]byte(raw)); c != nil || f == nil || f.ID != want {
			t.Errorf("%.40s: fault %v, want %s", raw, f, want)
		}
	}
}

func TestPlatforms(t *testing.T) {
	for s, ok := range map[string]bool{
		"linux/amd64": true, "linux/arm64/v8": true, "linux": false, "": false, "/amd64": false, "linux/": false,
		"a/b/c/d": false, "windows/amd64:10.0.20348.1": true, "windows/amd64:": false, "linux/amd64,x": false,
		"windows(/amd64": false, "windows()/amd64": false,
	} {
		p, err := oci.ParsePlatform(s)
		if (err == nil) != ok || ok && p.Full() != s {
			t.Errorf("ParsePlatform(%q) = %v, %v", s, p, err)
		}
	}
	if p, err := oci.ParsePlatform("windows(10.0.20348)/amd64"); err != nil || p.Full() != "windows/amd64:10.0.20348" {
		t.Errorf("containerd's spelling: %v, %v", p, err)
	}
	v8 := oci.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}
	for want, matches := range map[string]bool{"linux/arm64": true, "linux/arm64/v8": true, "linux/arm64/v9": false,
		"linux/amd64": false, "windows/arm64": false} {
		p, _ := oci.ParsePlatform(want)
		if v8.Matches(p) != matches {
			t.Errorf("%s matches %s: %v", v8, want, !matches)
		}
	}
}

func TestBudgetsNameEveryLimit(t *testing.T) {
	l := oci.DefaultLimits()
	seen := map[string]bool{}
	for _, b := range l.Budgets() {
		if seen[b.Name] || *b.Value <= 0 {
			t.Errorf("budget %s: %d", b.Name, *b.Value)
		}
		seen[b.Name] = true
		*b.Value = 0
	}
	if l != (oci.Limits{}) {
		t.Errorf("limits without a name: %+v", l)
	}
}

func TestDescriptorsEqual(t *testing.T) {
	d := oci.Descriptor{MediaType: "a", Digest: "b", Size: 1, Data: []byte("c")}
	same := d
	same.Annotations = map[string]string{"x": "y"}
	if !d.Equal(same) {
		t.Error("annotations make another blob of it")
	}
	for _, other := range []oci.Descriptor{{}, {MediaType: "a", Digest: "b", Size: 1},
		{MediaType: "a", Digest: "b", Size: 2, Data: []byte("c")}} {
		if d.Equal(other) {
			t.Errorf("%+v equals %+v", d, other)
		}
	}
}

func TestParseRepository(t *testing.T) {
	for in, want := range map[string]string{"alpine": "docker.io/library/alpine",
		"ghcr.io/acme/app": "ghcr.io/acme/app", "index.docker.io/acme/app": "docker.io/acme/app"} {
		if got, err := oci.ParseRepository(in); err != nil || got != want {
			t.Errorf("ParseRepository(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "ghcr.io/acme/app:v1", "ghcr.io/acme/app@sha256:" + hexA, "UPPER/x"} {
		if got, err := oci.ParseRepository(bad); err == nil {
			t.Errorf("ParseRepository(%q) = %q, want an error", bad, got)
		}
	}
}

// FuzzParseReference wants an accepted reference to have one full form, which is
// accepted as the same reference and cannot be a path to a parent folder.
func FuzzParseReference(f *testing.F) {
	for _, s := range []string{
		"alpine", "docker.io/library/alpine:3", "ghcr.io/acme/app:v1@sha256:" + hexA, "127.0.0.1:5000/lab/app",
		"localhost/x", "[::1]:5000/x",
		"a@b", "../x", "x:", "x@sha256:", "REGISTRY.example.com/x", "x/../y", "host:port/x:tag", "x\x00",
		strings.Repeat("a/", 600), strings.Repeat("0", 250),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := oci.ParseReference(s)
		if err != nil {
			return
		}
		again, err := oci.ParseReference(ref.String())
		if err != nil || again != ref {
			t.Errorf("%q is read as %q, and that as %q, %v", s, ref, again, err)
		}
		if ref.Tag == "" && ref.Digest == "" || ref.Repository == "" {
			t.Errorf("%q is read as %+v", s, ref)
		}
		for _, part := range strings.Split(ref.Repository, "/") {
			if part == ".." || part == "." || part == "" {
				t.Errorf("%q has the part %q", ref, part)
			}
		}
	})
}
