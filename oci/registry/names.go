package registry

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"

	"github.com/gapseal/gapseal/oci"
)

// The grammar of names and tags, of the OCI distribution specification.
var (
	nameGrammar = regexp.MustCompile(`^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$`)
	tagGrammar  = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)
)

func (s *Source) parse(repo string) (name.Repository, error) {
	if strings.Contains(repo, "@") { // perhaps a password, so not repeated
		return name.Repository{}, errors.New(`a repository name holds no "@": leave out the digest, or the user info`)
	}
	parsed, err := name.NewRepository(repo, s.names...)
	if err == nil && !nameGrammar.MatchString(parsed.RepositoryStr()) {
		err = errors.New("lower-case letters, digits and single separators (. _ - /) only")
	}
	if err != nil {
		return parsed, fmt.Errorf("repository name %q: %w", repo, err)
	}
	return parsed, nil
}

func isDigest(id string) bool { return strings.Contains(id, ":") }

func checkIdentifier(id string) error {
	if isDigest(id) {
		_, err := oci.ParseDigest(id)
		return err
	}
	if !tagGrammar.MatchString(id) {
		return errors.New(`not a tag: want up to 128 letters, digits, "_", "." and "-", beginning with none of the last two`)
	}
	return nil
}

// join names what is fetched, for messages. Before an "@" in the repository may
// stand a password, which is left out.
func join(repo, id string) string {
	if i := strings.LastIndex(repo, "@"); i >= 0 {
		repo = "…" + repo[i:]
	}
	if isDigest(id) {
		return repo + "@" + id
	}
	return repo + ":" + id
}
