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
	} {
		got, err := ParseReference(in)
		if err != nil || got.String() != want {
			t.Errorf("ParseReference(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", "UPPER/x", "a b", "x@sha512:00", "x@sha256:" + "ZZ", "x:", "../x", "x/../y",
		"ghcr.io/../x", "ghcr.io/x/.", "ghcr.io/.x", "ghcr.io/x/", "ghcr.io//x", "ghcr.io/x.",
		strings.Repeat("a", 2000), strings.Repeat("a", 250)} {
		if got, err := ParseReference(in); err == nil {
			t.Errorf("ParseReference(%.80q) = %q, want an error", in, got)
		}
	}
}
