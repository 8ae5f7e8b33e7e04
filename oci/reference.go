package oci

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Reference is a full image reference: what somebody calls an image. It is a
// claim; only the digest says what the image is.
type Reference struct {
	Repository string // registry/path, Docker Hub as docker.io/library/…
	Tag        string // empty for a reference by digest alone
	Digest     Digest // empty for a reference by tag alone
}

const (
	maxReference  = 1024 // beyond what any registry allows for its parts together
	maxRepository = 255  // written in full: Docker Hub's library/ counts
)

// ParseReference reads a reference as docker, cosign and crane take it: the
// registry defaults to docker.io, the tag to latest.
func ParseReference(s string) (Reference, error) {
	if len(s) > maxReference {
		return Reference{}, fmt.Errorf("reference %q: want at most %d bytes, found %d", clip(s), maxReference, len(s))
	}
	bare, digest, hasDigest := strings.Cut(s, "@")
	r := Reference{}
	if hasDigest {
		d, err := ParseDigest(digest)
		if err != nil {
			return Reference{}, fmt.Errorf("reference %q: %w", clip(s), err)
		}
		r.Digest = d
	}
	tag, err := name.NewTag(bare)
	if err == nil {
		err = checkParts(tag.Context())
	}
	if err != nil {
		return Reference{}, fmt.Errorf("reference %q: want [registry/]repository[:tag][@sha256:…]: %w", clip(s), err)
	}
	r.Repository = normalRepository(tag.Context().Name())
	if !hasDigest || HasTag(bare) {
		r.Tag = tag.TagStr()
	}
	return r, nil
}

// ParseRepository reads a repository without tag or digest.
func ParseRepository(s string) (string, error) {
	repo, err := name.NewRepository(s)
	if err == nil {
		err = checkParts(repo)
	}
	if err != nil {
		return "", fmt.Errorf("repository %q: want [registry/]repository without tag or digest: %w", clip(s), err)
	}
	return normalRepository(repo.Name()), nil
}

// pathPart is a part of a repository's name, as the OCI distribution
// specification defines it: none is ".." or begins with a dot.
var pathPart = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)

func checkParts(repo name.Repository) error {
	if strings.HasPrefix(repo.RegistryStr(), ".") {
		return errors.New("begins with a dot")
	}
	if n := len(repo.RepositoryStr()); n > maxRepository {
		return fmt.Errorf("its repository, written in full, has %d bytes, over %d", n, maxRepository)
	}
	for part := range strings.SplitSeq(repo.RepositoryStr(), "/") {
		if !pathPart.MatchString(part) {
			return fmt.Errorf("%.100q is no part of a repository's name", part)
		}
	}
	return nil
}

// HasTag reports whether a reference, less its digest, names a tag: it tells a
// tag's colon from a registry port's.
func HasTag(bare string) bool {
	return strings.LastIndexByte(bare, ':') > strings.LastIndexByte(bare, '/')
}

// normalRepository writes Docker Hub the way container runtimes do.
func normalRepository(s string) string {
	if path, ok := strings.CutPrefix(s, name.DefaultRegistry+"/"); ok {
		return "docker.io/" + path
	}
	return s
}

// String returns repository[:tag][@digest].
func (r Reference) String() string {
	s := r.Name()
	if r.Digest != "" {
		s += "@" + string(r.Digest)
	}
	return s
}

// Name returns repository[:tag], the part that no digest proves.
func (r Reference) Name() string {
	if r.Tag == "" {
		return r.Repository
	}
	return r.Repository + ":" + r.Tag
}
