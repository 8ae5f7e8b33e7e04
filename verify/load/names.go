package load

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Names says which repository of a registry an image goes to. The zero value of each
// field but Host is the default: the path of the image without its registry, so that
// docker.io/library/nginx:1 becomes HOST/library/nginx:1. Tags and digests are kept.
type Names struct {
	// Host is that of the registry, with its port. Where it is empty, as for a runtime,
	// images keep their names, and only Map and TagAs change them.
	Host   string
	Prefix string // path that every repository gets in front, without slashes at its ends
	// KeepRegistry keeps the registry of the image as an element of the path. An
	// underscore, which no host name contains, takes the place of the colon before a port:
	// localhost_5000/app.
	KeepRegistry bool
	// Flatten joins the elements of the path below Prefix, or below To of a Mapping, with
	// hyphens.
	Flatten bool
	// Map replaces the beginnings of names. If several match, the longest counts.
	// KeepRegistry does not apply to an image that one matches.
	Map []Mapping
	// TagAs replaces the tag of the image. It cannot be used for several images.
	TagAs string
}

// Mapping replaces the first elements of a repository's name. From begins with a
// registry. To is a path below the host and prefix of [Names], and may be empty. A To that
// begins with the host replaces the prefix, too.
type Mapping struct {
	From, To string
	Optional bool // it need not apply to an image, as in a list for several bundles
}

// ParseHost reads HOST[:PORT][/PREFIX] into the two fields of a [Names].
func ParseHost(s string) (Names, error) {
	host, prefix, _ := strings.Cut(strings.TrimSuffix(s, "/"), "/")
	if !isHost(host) {
		return Names{}, fmt.Errorf("%q does not name a registry: want a host with a dot or a port, such as "+
			"registry.plant or registry:443", check.Clip(s))
	}
	if _, err := oci.ParseRepository(join(host, cmp.Or(prefix, "x"))); err != nil {
		return Names{}, err
	}
	return Names{Host: host, Prefix: prefix}, nil
}

// isHost reports whether the first element of a name is a registry, as Docker decides
// it.
func isHost(s string) bool { return strings.ContainsAny(s, ".:") || s == "localhost" }

// ParseMapping reads FROM=TO.
func ParseMapping(s string) (Mapping, error) {
	from, to, ok := strings.Cut(s, "=")
	m := Mapping{From: strings.Trim(from, "/"), To: strings.Trim(to, "/")}
	registry, _, _ := strings.Cut(m.From, "/")
	switch {
	case !ok || m.From == "":
		return m, fmt.Errorf("%q: want FROM=TO, such as ghcr.io/acme=mirror/acme", check.Clip(s))
	case !isHost(registry):
		return m, fmt.Errorf("%q: FROM begins with a registry, such as docker.io/library/nginx", check.Clip(s))
	}
	return m, nil
}

// Place returns the repository, written in full, and the tag that an image goes to. The
// tag is empty for a reference by digest alone. The error says what cannot be the name
// of a repository.
func (n *Names) Place(ref oci.Reference) (repo, tag string, err error) {
	path := n.renamed(ref.Repository)
	if n.Host != "" {
		path, err = n.path(ref.Repository)
	}
	if err == nil {
		repo, err = oci.ParseRepository(join(n.Host, path))
	}
	if err != nil {
		return "", "", fmt.Errorf("%s has no place at the destination: %w", ref.Name(), err)
	}
	return repo, cmp.Or(n.TagAs, ref.Tag), nil
}

// path returns the path of a repository below the host.
func (n *Names) path(repository string) (string, error) {
	if m := n.mapping(repository); m != nil {
		rest := n.flat(strings.TrimPrefix(repository[len(m.From):], "/"))
		to, err := n.below(m.To)
		return join(to, rest), err
	}
	registry, path, _ := strings.Cut(repository, "/")
	if n.KeepRegistry {
		if strings.ContainsAny(registry, "[]") {
			return "", fmt.Errorf("%s cannot be part of a path; say where its images go", registry)
		}
		path = join(strings.ToLower(strings.ReplaceAll(registry, ":", "_")), path)
	}
	return join(n.Prefix, n.flat(path)), nil
}

// renamed returns the name of a repository where no registry is the destination.
func (n *Names) renamed(repository string) string {
	if m := n.mapping(repository); m != nil {
		return join(m.To, strings.TrimPrefix(repository[len(m.From):], "/"))
	}
	return repository
}

// mapping returns the mapping with the longest From that matches, nil if none does.
func (n *Names) mapping(repository string) (best *Mapping) {
	for i := range n.Map {
		m := &n.Map[i]
		if m.fits(repository) && (best == nil || len(m.From) > len(best.From)) {
			best = m
		}
	}
	return best
}

func (m *Mapping) fits(repository string) bool {
	return repository == m.From || strings.HasPrefix(repository, m.From+"/")
}

// below returns the path below the host that the right side of a mapping means.
func (n *Names) below(to string) (string, error) {
	first, rest, _ := strings.Cut(to, "/")
	switch {
	case first == n.Host:
		return rest, nil
	case strings.Contains(first, ":"):
		return "", fmt.Errorf("%s is another registry; all images go to %s", first, n.Host)
	}
	return join(n.Prefix, to), nil
}

func (n *Names) flat(path string) string {
	if n.Flatten {
		return strings.ReplaceAll(path, "/", "-")
	}
	return path
}

// join joins the parts that are not empty by slashes.
func join(parts ...string) string {
	var list []string
	for _, p := range parts {
		if p != "" {
			list = append(list, p)
		}
	}
	return strings.Join(list, "/")
}
