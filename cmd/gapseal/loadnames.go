package main

import (
	"bufio"
	"bytes"
	"strings"

	"github.com/spf13/pflag"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/load"
)

// naming holds the flags that say which names images get at their destination.
type naming struct {
	keepRegistry, flatten bool
	maps                  []string
	tagAs                 string
}

func (n *naming) declare(fs *pflag.FlagSet) {
	n.declarePaths(fs)
	fs.StringVar(&n.tagAs, "tag-as", "", "give the one image that --image names the tag `TAG` in place of its own")
}

// declarePaths declares the flags that say which repositories images go to.
func (n *naming) declarePaths(fs *pflag.FlagSet) {
	fs.BoolVar(&n.keepRegistry, "keep-registry", false,
		"keep the registry of each image as a part of its path: DEST/ghcr.io/acme/app")
	fs.StringArrayVar(&n.maps, "map", nil, "put images whose names begin with FROM below TO, as `FROM=TO`, such as "+
		"ghcr.io/acme=mirror; or @FILE with one per line (repeatable; the longest FROM counts)")
	fs.BoolVar(&n.flatten, "flatten", false,
		"join the parts of a path with hyphens, for registries without nested paths: DEST/acme-app")
}

// inputs returns the files that the flags name.
func (n *naming) inputs() (list []string) {
	for _, arg := range n.maps {
		if path, ok := strings.CutPrefix(arg, "@"); ok {
			list = append(list, path)
		}
	}
	return list
}

// names reads the flags. The caller sets the host and the prefix.
func (n *naming) names() (names load.Names, err error) {
	names.KeepRegistry, names.Flatten, names.TagAs = n.keepRegistry, n.flatten, n.tagAs
	if n.tagAs != "" {
		if ref, err := oci.ParseReference("x:" + n.tagAs); err != nil || ref.Tag != n.tagAs {
			return names, usagef("--tag-as %q cannot be a tag", n.tagAs)
		}
	}
	names.Map, err = n.mappings()
	return names, err
}

// mappings reads the values of --map and the files that they name.
func (n *naming) mappings() (list []load.Mapping, err error) {
	for _, arg := range n.maps {
		lines := []string{arg}
		path, shared := strings.CutPrefix(arg, "@")
		if shared {
			raw, err := readAnchor("--map", path)
			if err != nil {
				return nil, err
			}
			lines = mappingLines(raw)
		}
		for _, line := range lines {
			m, err := load.ParseMapping(line)
			if err != nil {
				return nil, usagef("--map %v", err)
			}
			m.Optional = shared // a file may serve several bundles
			list = append(list, m)
		}
	}
	return list, twice(list)
}

// twice refuses two mappings of the same FROM, since only their order could decide between
// them.
func twice(list []load.Mapping) error {
	to := map[string]string{}
	for _, m := range list {
		if other, ok := to[m.From]; ok && other != m.To {
			return usagef("--map: %s goes to %q and to %q; give one of them", m.From, other, m.To)
		}
		to[m.From] = m.To
	}
	return nil
}

// mappingLines returns the lines of a file that are neither empty nor a comment.
func mappingLines(raw []byte) (lines []string) {
	for s := bufio.NewScanner(bytes.NewReader(raw)); s.Scan(); {
		if line := strings.TrimSpace(s.Text()); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}
