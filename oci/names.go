package oci

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/gapseal/gapseal/verify/check"
)

// Digest is the content address of a blob: "sha256:" and 64 lower-case hex digits.
// A value that comes from outside must pass [ParseDigest] before it is used as a
// name.
type Digest string

// EmptyDigest is the digest of the empty config: the two bytes "{}", of media type
// application/vnd.oci.empty.v1+json.
const EmptyDigest Digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

const (
	digestPrefix = "sha256:"
	digestHex    = 2 * sha256.Size
)

// ParseDigest returns s as a Digest. It refuses other algorithms, upper case, short
// and empty values, and anything that could act as a path: a digest becomes a file
// name.
func ParseDigest(s string) (Digest, error) {
	hexPart, ok := strings.CutPrefix(s, digestPrefix)
	if !ok {
		return "", fmt.Errorf("digest %q: want sha256:<64 lower-case hex digits>, no other algorithm is supported",
			check.Clip(s))
	}
	if len(hexPart) != digestHex || !isLowerHex(hexPart) {
		return "", fmt.Errorf("digest %q: want 64 lower-case hex digits after sha256:", check.Clip(s))
	}
	return Digest(s), nil
}

// FromBytes returns the digest of b.
func FromBytes(b []byte) Digest { return FromSum(sha256.Sum256(b)) }

// FromSum returns a finished SHA-256 as a Digest.
func FromSum(sum [sha256.Size]byte) Digest {
	return Digest(digestPrefix + hex.EncodeToString(sum[:]))
}

// Hex returns the 64 hex digits.
func (d Digest) Hex() string { return strings.TrimPrefix(string(d), digestPrefix) }

// String returns the digest with its algorithm.
func (d Digest) String() string { return string(d) }

func isLowerHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Reference is a full image reference. Its name is a claim; only its digest says
// which image it is.
type Reference struct {
	Repository string // registry/path; for Docker Hub docker.io/library/…
	Tag        string // empty for a reference by digest alone
	Digest     Digest // empty for a reference by tag alone
}

const (
	maxReference  = 1024 // bytes; more than any registry allows for all parts together
	maxRepository = 255  // bytes, written in full: Docker Hub's library/ counts
)

// ParseReference reads a reference as docker, cosign and crane do: the registry
// defaults to docker.io and the tag to latest. A registry is a host name, an IPv4
// address, or an IPv6 address in brackets, with an optional port.
func ParseReference(s string) (Reference, error) {
	if len(s) > maxReference {
		return Reference{}, fmt.Errorf("reference %q: want at most %d bytes, found %d",
			check.Clip(s), maxReference, len(s))
	}
	bare, digest, hasDigest := strings.Cut(s, "@")
	r := Reference{}
	if hasDigest {
		d, err := ParseDigest(digest)
		if err != nil {
			return Reference{}, fmt.Errorf("reference %q: %w", check.Clip(s), err)
		}
		r.Digest = d
	}
	tag, err := name.NewTag(bare)
	if err == nil {
		err = checkParts(tag.Context())
	}
	if err == nil && !tagForm.MatchString(tag.TagStr()) {
		err = fmt.Errorf("%.150q cannot be a tag", tag.TagStr())
	}
	if err != nil {
		return Reference{}, fmt.Errorf("reference %q: want [registry/]repository[:tag][@sha256:…]: %w",
			check.Clip(s), err)
	}
	r.Repository = normalRepository(tag.Context().Name())
	if !hasDigest || HasTag(bare) {
		r.Tag = tag.TagStr()
	}
	return r, nil
}

// ParseRepository reads the name of a repository, without tag or digest.
func ParseRepository(s string) (string, error) {
	repo, err := name.NewRepository(s)
	if err == nil {
		err = checkParts(repo)
	}
	if err != nil {
		return "", fmt.Errorf("repository %q: want [registry/]repository without tag or digest: %w", check.Clip(s), err)
	}
	return normalRepository(repo.Name()), nil
}

// pathPart and tagForm are the grammars of a part of a repository's name and of a tag in
// the OCI distribution specification; hostName is that of RFC 1123. None of them matches
// what begins with a dot or a hyphen.
var (
	pathPart = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*$`)
	tagForm  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)
	hostName = regexp.MustCompile(`^` + label + `(\.` + label + `)*$`)
)

const (
	label       = `[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?`
	maxHostName = 253
)

func checkParts(repo name.Repository) error {
	if !isRegistry(repo.RegistryStr()) {
		return fmt.Errorf("%.100q cannot be a registry: want a host name, an IPv4 address or an IPv6 address "+
			"in brackets, with or without :PORT", repo.RegistryStr())
	}
	if n := len(repo.RepositoryStr()); n > maxRepository {
		return fmt.Errorf("its repository, written in full, has %d bytes, over %d", n, maxRepository)
	}
	for part := range strings.SplitSeq(repo.RepositoryStr(), "/") {
		if !pathPart.MatchString(part) {
			return fmt.Errorf("%.100q cannot be part of a repository's name", part)
		}
	}
	return nil
}

// isRegistry reports whether s is a host with an optional port. Names of registries reach
// the command lines and the configuration of other programs, where other text could be an
// option or a pattern.
func isRegistry(s string) bool {
	host := s
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host = s[:i]
		if port, err := strconv.ParseUint(s[i+1:], 10, 16); err != nil || port == 0 {
			return false
		}
	}
	if address, ok := strings.CutPrefix(host, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(address, "]"))
		return err == nil && ip.Is6() && ip.Zone() == ""
	}
	return len(host) <= maxHostName && hostName.MatchString(host)
}

// HasTag reports whether a reference without its digest names a tag. The colon of
// a tag comes after the last slash, that of a port before it.
func HasTag(bare string) bool {
	return strings.LastIndexByte(bare, ':') > strings.LastIndexByte(bare, '/')
}

// normalRepository names Docker Hub as container runtimes do.
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

// Name returns repository[:tag], the part of a reference that is a claim.
func (r Reference) Name() string {
	if r.Tag == "" {
		return r.Repository
	}
	return r.Repository + ":" + r.Tag
}
