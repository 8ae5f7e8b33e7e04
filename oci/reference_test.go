package oci

import (
	"strings"
	"testing"
)

func TestParseReference(t *testing.T) {
	const d = "@sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
	for in, want := range map[string]string{
		"alpine":                         "docker.io/library/alpine:latest",
		"index.docker.io/library/alpine": "docker.io/library/alpine:latest",
		"docker.io/acme/app:v1":          "docker.io/acme/app:v1",
		"ghcr.io/acme/app:v1":            "ghcr.io/acme/app:v1",
		"127.0.0.1:5000/lab/app":         "127.0.0.1:5000/lab/app:latest",
		"127.0.0.1:5000/lab/app" + d:     "127.0.0.1:5000/lab/app" + d,
		"ghcr.io/acme/app:v1" + d:        "ghcr.io/acme/app:v1" + d,
		"[::1]:5000/app:v1":              "[::1]:5000/app:v1",
		"[2001:db8::1]/app:_v1":          "[2001:db8::1]/app:_v1",
		"localhost/app:v1":               "localhost/app:v1",
		"a-b.xn--p1ai:65535/app:v1":      "a-b.xn--p1ai:65535/app:v1",
	} {
		got, err := ParseReference(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseReference(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "UPPER/x", "a b", "x@sha512:00", "x@sha256:" + "ZZ", "x:", "../x", "x/../y",
		"ghcr.io/../x", "ghcr.io/x/.", "ghcr.io/.x", "ghcr.io/x/", "ghcr.io//x", "ghcr.io/x.",
		"x:-v1", "x:.v1",
		strings.Repeat("a", 2000), strings.Repeat("a", 250)} {
		if got, err := ParseReference(in); err == nil {
			t.Errorf("ParseReference(%.80q) = %q, want an error", in, got)
		}
	}
}

// A registry in a bundle must not be an option for another program, or a pattern in its
// configuration.
func TestRegistriesAreHosts(t *testing.T) {
	for _, registry := range []string{
		"--root=.", "--cpu-profile=.", "--help.io", "-a.io", "a-.io", "*.io", "*:5000", "?.io", `a.b"c`, "a.b'c", "a.b$c",
		"a.b;c", "\u00e9.io", "ghcr.io:", "ghcr.io:0", "ghcr.io:65536", "ghcr.io:+1", "a..b", "a.b.", "_default.x", "a_b.io",
		"~.io", "a.b=c", "a,b.io", "(a).io", "{{a}}.io", "$(a).io", "[::1", "::1", "[127.0.0.1]", "[fe80::1%25eth0]", "[]:1",
		"[::1]5000", strings.Repeat("a", 64) + ".io", strings.Repeat("a.", 126) + "io",
	} {
		for _, repository := range []string{registry + "/x", registry + "/acme/x"} {
			if got, err := ParseReference(repository + ":v1"); err == nil {
				t.Errorf("ParseReference(%q) = %q, want an error", repository+":v1", got)
			}
			if got, err := ParseRepository(repository); err == nil {
				t.Errorf("ParseRepository(%q) = %q, want an error", repository, got)
			}
		}
	}
	_, err := ParseReference("--root=./x:v1")
	if err == nil || !strings.Contains(err.Error(), `"--root=." cannot be a registry: want a host name`) {
		t.Errorf("the message does not name the registry: %v", err)
	}
}
