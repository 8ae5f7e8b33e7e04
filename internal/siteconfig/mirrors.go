package siteconfig

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// mirror sends the names below source to place.
type mirror struct{ source, place string }

// registryMirror says where the images of one registry went. If all kept their paths below
// one prefix, moved is nil; otherwise moved is the first image that did not.
type registryMirror struct {
	registry, prefix string
	images           []Image
	moved            *Image
}

// registries returns the mirrors of all registries but the destination itself, by name.
func (s *Site) registries() (list []*registryMirror) {
	byName := map[string]*registryMirror{}
	for _, img := range s.Images {
		if img.Repo == img.From.Repository {
			continue
		}
		registry, path, _ := strings.Cut(img.From.Repository, "/")
		m, known := byName[registry]
		if !known {
			m = &registryMirror{registry: registry}
			byName[registry] = m
			list = append(list, m)
		}
		prefix, ok := before(strings.TrimPrefix(img.Repo, s.Names.Host+"/"), path)
		if !known {
			m.prefix = prefix
		}
		if m.moved == nil && (!ok || prefix != m.prefix) {
			m.moved = &img
		}
		m.images = append(m.images, img)
	}
	return list
}

// before returns the part of place before path; ok is false if place does not end in path.
func before(place, path string) (prefix string, ok bool) {
	if place == path {
		return "", true
	}
	return strings.CutSuffix(place, "/"+path)
}

// mirrors returns a mirror for each registry whose images kept their paths, so that images
// of later bundles are found as well. For another registry it returns one mirror for each
// repository.
func (s *Site) mirrors() (list []mirror) {
	seen := map[string]bool{}
	for _, m := range s.registries() {
		if m.moved == nil {
			list = append(list, mirror{m.registry, strings.TrimSuffix(s.Names.Host+"/"+m.prefix, "/")})
			continue
		}
		for _, img := range m.images {
			if !seen[img.From.Repository] {
				seen[img.From.Repository] = true
				list = append(list, mirror{img.From.Repository, img.Repo})
			}
		}
	}
	return list
}

// noMirror returns the error for a site where no image got another name.
func (s *Site) noMirror() error {
	return fmt.Errorf("every image already has its name in %s, so nothing has to be redirected", s.Names.Host)
}

// containerd writes a hosts.toml for each registry. It names the destination as the server,
// so that nothing else is asked, and as a host, since containerd 1 ignores a file without a
// host. A hosts.toml can put a path before all repositories of a registry; it cannot rename
// one of them.
func (s *Site) containerd() ([]File, error) {
	var files []File
	for _, m := range s.registries() {
		if m.moved != nil {
			return nil, fmt.Errorf("%s went to %s: containerd can redirect a registry as a whole, not a single "+
				"repository; load with names that keep their paths, or let pods name the images by their new names",
				m.moved.From.Repository, m.moved.Repo)
		}
		files = append(files, File{hostFolder(m.registry) + "/hosts.toml", s.hostsFile(m)})
	}
	if len(files) == 0 {
		return nil, s.noMirror()
	}
	return files, nil
}

func (s *Site) hostsFile(m *registryMirror) []byte {
	url := "https://" + s.Names.Host
	if s.HTTP {
		url = "http://" + s.Names.Host
	}
	settings := "capabilities = [\"pull\", \"resolve\"]\n"
	if m.prefix != "" {
		url += "/v2/" + m.prefix
		settings += "override_path = true\n"
	}
	if s.CA != "" {
		settings += "ca = " + quoted(s.CA) + "\n"
	}
	var b bytes.Buffer
	s.head(&b, "images of "+m.registry)
	fmt.Fprintf(&b, "server = %s\n%s\n[host.%[1]s]\n%[2]s", quoted(url), settings)
	return b.Bytes()
}

// hostFolder returns the folder of a registry: HOST_PORT_ for one with a port.
func hostFolder(registry string) string {
	if i := strings.LastIndexByte(registry, ':'); i >= 0 && !strings.HasSuffix(registry, "]") {
		return registry[:i] + "_" + registry[i+1:] + "_"
	}
	return registry
}

// podman writes a registries.conf and a file for registries.d. It writes a location, which
// replaces the prefix, and not a mirror: after the last mirror, the registry itself would be
// asked.
func (s *Site) podman() ([]File, error) {
	var b bytes.Buffer
	s.head(&b, "belongs in /etc/containers/registries.conf.d")
	for _, m := range s.mirrors() {
		fmt.Fprintf(&b, "\n[[registry]]\nprefix = %s\nlocation = %s\n", quoted(m.source), quoted(m.place))
		if s.HTTP {
			b.WriteString("insecure = true\n")
		}
	}
	if s.HTTP {
		fmt.Fprintf(&b, "\n[[registry]]\nlocation = %s\ninsecure = true\n", quoted(s.Names.Host))
	}
	type section struct {
		Attachments bool `yaml:"use-sigstore-attachments"`
	}
	attachments, err := s.yaml("belongs in /etc/containers/registries.d", map[string]any{
		"docker": map[string]section{s.scope(): {true}},
	})
	return []File{
		{"registries.conf.d/" + s.Name + ".conf", b.Bytes()},
		{"registries.d/" + s.Name + ".yaml", attachments},
	}, err
}

// scope returns the part of the registry below which all images are.
func (s *Site) scope() string {
	below := s.Names.Host + "/" + s.Names.Prefix
	outside := func(img Image) bool { return !strings.HasPrefix(img.Repo, below+"/") }
	if s.Names.Prefix == "" || slices.ContainsFunc(s.Images, outside) {
		return s.Names.Host
	}
	return below
}

// imageMirrors is an entry of an ImageDigestMirrorSet or an ImageTagMirrorSet.
type imageMirrors struct {
	Source  string   `yaml:"source"`
	Mirrors []string `yaml:"mirrors"`
	Policy  string   `yaml:"mirrorSourcePolicy"`
}

// openShift writes mirrors by digest and, for the same names, by tag.
func (s *Site) openShift() ([]File, error) {
	var list []imageMirrors
	for _, m := range s.mirrors() {
		list = append(list, imageMirrors{m.source, []string{m.place}, "NeverContactSource"})
	}
	if len(list) == 0 {
		return nil, s.noMirror()
	}
	if s.HTTP {
		s.addNote(s.Names.Host + " has no TLS: name it in registrySources.insecureRegistries of " +
			"image.config.openshift.io")
	}
	object := func(kind, field string) object {
		return object{"config.openshift.io/v1", kind, named{s.Name}, map[string]any{field: list}}
	}
	text, err := s.yaml("kubectl apply -f", object("ImageDigestMirrorSet", "imageDigestMirrors"),
		object("ImageTagMirrorSet", "imageTagMirrors"))
	return []File{{s.Name + ".mirrors.yaml", text}}, err
}

// quoted writes a string for TOML. JSON escapes a subset of what TOML understands; DEL
// is the one character that TOML wants escaped and JSON does not.
func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic(err) // a string can be encoded
	}
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "\x7f", `\u007f`)
}
