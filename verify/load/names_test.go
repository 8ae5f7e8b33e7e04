package load_test

import (
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/load"
)

func TestPlace(t *testing.T) {
	maps := func(list ...string) (all []load.Mapping) {
		for _, s := range list {
			m, err := load.ParseMapping(s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
		}
		return all
	}
	digest := "@sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		dest  string
		n     load.Names
		image string
		want  string // repository:tag, or a part of the error
	}{
		{"registry.plant", load.Names{}, "nginx", "registry.plant/library/nginx:latest"},
		{"registry.plant:5000/mirror/", load.Names{}, "ghcr.io/acme/app:v1", "registry.plant:5000/mirror/acme/app:v1"},
		{"registry.plant", load.Names{}, "ghcr.io/acme/app" + digest, "registry.plant/acme/app:"},
		{"registry.plant", load.Names{TagAs: "now"}, "ghcr.io/acme/app" + digest, "registry.plant/acme/app:now"},
		{"localhost/a/b", load.Names{}, "ghcr.io/acme/app:v1", "localhost/a/b/acme/app:v1"},

		{"r.plant/m", load.Names{KeepRegistry: true}, "nginx:1", "r.plant/m/docker.io/library/nginx:1"},
		{"r.plant", load.Names{KeepRegistry: true}, "localhost:5000/app:1", "r.plant/localhost_5000/app:1"},
		{"r.plant", load.Names{KeepRegistry: true}, "Reg.Example:5000/app:1", "r.plant/reg.example_5000/app:1"},
		{"r.plant", load.Names{KeepRegistry: true}, "[::1]:5000/app:1", "cannot be part of a path"},

		{"r.plant/m", load.Names{Flatten: true}, "ghcr.io/acme/team/app:1", "r.plant/m/acme-team-app:1"},
		{"r.plant", load.Names{Flatten: true, KeepRegistry: true}, "ghcr.io/acme/app:1", "r.plant/ghcr.io-acme-app:1"},

		{"r.plant/m", load.Names{Map: maps("ghcr.io/acme=own")}, "ghcr.io/acme/app:1", "r.plant/m/own/app:1"},
		{"r.plant/m", load.Names{Map: maps("ghcr.io/acme=own")}, "ghcr.io/acmes/app:1", "r.plant/m/acmes/app:1"},
		{"r.plant/m", load.Names{Map: maps("ghcr.io=")}, "ghcr.io/acme/app:1", "r.plant/m/acme/app:1"},
		{"r.plant/m", load.Names{Map: maps("ghcr.io/acme/app=app")}, "ghcr.io/acme/app:1", "r.plant/m/app:1"},
		{"r.plant/m", load.Names{Map: maps("ghcr.io=a", "ghcr.io/acme=b")}, "ghcr.io/acme/app:1", "r.plant/m/b/app:1"},
		{"r.plant/m", load.Names{Map: maps("ghcr.io=r.plant/else")}, "ghcr.io/acme/app:1", "r.plant/else/acme/app:1"},
		{"r.plant/m", load.Names{Map: maps("ghcr.io=other:5000/x")}, "ghcr.io/acme/app:1", "is another registry"},
		{"r.plant/m", load.Names{Map: maps("ghcr.io=UPPER")}, "ghcr.io/acme/app:1", "has no place at the destination"},
		{"r.plant", load.Names{Map: maps("ghcr.io=a"), KeepRegistry: true}, "ghcr.io/b/c:1", "r.plant/a/b/c:1"},
		{"r.plant", load.Names{Map: maps("ghcr.io=a/b"), Flatten: true}, "ghcr.io/c/d:1", "r.plant/a/b/c-d:1"},
	} {
		n, err := load.ParseHost(c.dest)
		if err != nil {
			t.Fatal(err)
		}
		c.n.Host, c.n.Prefix = n.Host, n.Prefix
		ref, err := oci.ParseReference(c.image)
		if err != nil {
			t.Fatal(err)
		}
		repo, tag, err := c.n.Place(ref)
		got := repo + ":" + tag
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s to %s %+v: %s, want %s", c.image, c.dest, c.n, got, c.want)
		}
	}
}

func TestBadDestinationsAndMappings(t *testing.T) {
	for _, s := range []string{
		"", "registry", "registry/x", "r.plant/UPPER", "r.plant/a b", "r.plant//x", "https://r.plant",
	} {
		if n, err := load.ParseHost(s); err == nil {
			t.Errorf("%q is read as %+v", s, n)
		}
	}
	for _, s := range []string{"", "a", "=b", "nginx=b", "library/nginx=b"} {
		if m, err := load.ParseMapping(s); err == nil {
			t.Errorf("%q is read as %+v", s, m)
		}
	}
}
