package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/gapseal/gapseal/verify/check"
)

// The names of Docker Hub.
const (
	dockerHub    = "docker.io"
	dockerIndex  = name.DefaultRegistry          // as go-containerregistry writes it
	dockerLegacy = "https://index.docker.io/v1/" // as Docker's configuration writes it
)

// dockerConfig is the part of a Docker configuration that is about credentials.
type dockerConfig struct {
	path    string
	Auths   map[string]json.RawMessage `json:"auths"`
	Helpers map[string]string          `json:"credHelpers"`
	Store   string                     `json:"credsStore"`
}

// dockerCredentials finds the credentials for a repository in the configuration of
// Docker, or else of Podman. It uses the entry for the repository itself, or else for
// the nearest path above it, or else for the host, and never that of another
// repository. A part of the configuration that cannot be used is noted. from is the file
// that holds the credentials or names the helper.
func dockerCredentials(
	ctx context.Context, repo name.Repository, note func(string, ...any),
) (found authn.AuthConfig, from string) {
	configs := dockerConfigs(note)
	for _, key := range entriesFor(repo) {
		for _, c := range configs {
			if found, ok := c.lookup(ctx, key, note); ok {
				return found, c.path
			}
		}
	}
	return authn.AuthConfig{}, ""
}

// entriesFor returns the names under which credentials for repo may be stored, the
// most specific first.
func entriesFor(repo name.Repository) []string {
	host := repo.RegistryStr()
	if host == dockerIndex {
		host = dockerHub
	}
	var keys []string
	for path := repo.RepositoryStr(); path != "" && path != "."; path = parent(path) {
		keys = append(keys, host+"/"+path)
	}
	return append(keys, host)
}

func parent(path string) string {
	i := strings.LastIndex(path, "/")
	return path[:max(i, 0)]
}

// dockerConfigs reads the files that may hold credentials, the preferred first.
func dockerConfigs(note func(string, ...any)) []*dockerConfig {
	var configs []*dockerConfig
	add := func(path string, raw []byte) {
		c := &dockerConfig{path: path}
		if err := json.Unmarshal(raw, c); err != nil {
			note("no credentials are read from %s: %v", path, err)
			return
		}
		configs = append(configs, c)
	}
	if env := os.Getenv("DOCKER_AUTH_CONFIG"); env != "" {
		add("DOCKER_AUTH_CONFIG", []byte(env))
	}
	for _, path := range configFiles() {
		raw, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			note("no credentials are read from %s: %v", path, err)
		default:
			add(path, raw)
		}
	}
	return configs
}

// configFiles lists Docker's config.json and the places of Podman's auth.json.
func configFiles() []string {
	var files []string
	home, _ := os.UserHomeDir()
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		files = append(files, filepath.Join(dir, "config.json"))
	} else if home != "" {
		files = append(files, filepath.Join(home, ".docker", "config.json"))
	}
	if file := os.Getenv("REGISTRY_AUTH_FILE"); file != "" {
		return append(files, file)
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		files = append(files, filepath.Join(dir, "containers", "auth.json"))
	}
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		files = append(files, filepath.Join(dir, "containers", "auth.json"))
	} else if home != "" {
		files = append(files, filepath.Join(home, ".config", "containers", "auth.json"))
	}
	return files
}

// lookup returns the credentials for a name: those of a helper, or else those in the
// file itself. The helper that credsStore names is only asked for hosts.
func (c *dockerConfig) lookup(ctx context.Context, key string, note func(string, ...any)) (authn.AuthConfig, bool) {
	helper := c.Store
	if h, ok := entry(c.Helpers, key); ok {
		helper = h
	} else if strings.Contains(key, "/") {
		helper = ""
	}
	if helper != "" {
		slow := time.AfterFunc(defaultPace.notice, func() { note("waiting for docker-credential-%s", helper) })
		found, err := askHelper(ctx, helper, key)
		slow.Stop()
		if err != nil {
			note("%v", &helperError{helper, key, c.path, err})
		} else if found != (authn.AuthConfig{}) {
			return found, true
		}
	}
	raw, ok := entry(c.Auths, key)
	if !ok {
		return authn.AuthConfig{}, false
	}
	var stored authn.AuthConfig
	if err := json.Unmarshal(raw, &stored); err != nil {
		note("the credentials for %s in %s cannot be read", key, c.path) // the error might repeat them
		return authn.AuthConfig{}, false
	}
	return stored, stored != authn.AuthConfig{}
}

// entry returns the entry for key, written as it is or as a URL. Of several
// spellings, that of key itself comes first.
func entry[V any](entries map[string]V, key string) (V, bool) {
	if v, ok := entries[key]; ok {
		return v, true
	}
	var spelled []string
	for k := range entries {
		if plainKey(k) == key {
			spelled = append(spelled, k)
		}
	}
	if len(spelled) == 0 {
		var none V
		return none, false
	}
	return entries[slices.Min(spelled)], true
}

// plainKey returns the name of an entry without the scheme and the API's version that
// older tools wrote, and with one name for Docker Hub.
func plainKey(k string) string {
	plain := k
	if _, rest, ok := strings.Cut(k, "://"); ok {
		plain = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(rest, "/"), "/v1"), "/v2")
	}
	host, path, isPath := strings.Cut(strings.TrimSuffix(plain, "/"), "/")
	if host == dockerIndex || host == "registry-1.docker.io" {
		host = dockerHub
		isPath = isPath && path != "v1"
	}
	if isPath {
		return host + "/" + path
	}
	return host
}

// helperError reports a credential helper that gave no answer.
type helperError struct {
	name, key, config string
	cause             error
}

// Error says which helper failed, and what to do.
func (e *helperError) Error() string {
	program := "docker-credential-" + e.name
	if errors.Is(e.cause, exec.ErrNotFound) {
		return fmt.Sprintf("the credential helper %s, which %s names for %s, is not installed: install it, or take it "+
			"out of that file; going on without it", program, e.config, e.key)
	}
	return fmt.Sprintf("the credential helper %s gave no credentials for %s: %v; going on without it",
		program, e.key, e.cause)
}

// helperTimeout is long: a helper may ask a person to unlock a keyring.
const helperTimeout = 2 * time.Minute

// askHelper runs a credential helper of Docker. Credentials that it does not have are
// no error.
func askHelper(ctx context.Context, helper, key string) (authn.AuthConfig, error) {
	if strings.ContainsAny(helper, `/\`) {
		return authn.AuthConfig{}, errors.New("its name is a path")
	}
	ctx, cancel := context.WithTimeout(ctx, helperTimeout)
	defer cancel()
	if key == dockerHub {
		key = dockerLegacy
	}
	cmd := exec.CommandContext(ctx, "docker-credential-"+helper, "get")
	cmd.Stdin = strings.NewReader(key)
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil {
		if strings.Contains(string(out), "credentials not found in native keychain") {
			return authn.AuthConfig{}, nil
		}
		return authn.AuthConfig{}, helperFailure(err, out)
	}
	var answer struct{ Username, Secret string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return authn.AuthConfig{}, errors.New("its answer is not JSON") // the answer may hold a secret
	}
	if answer.Username == "<token>" {
		return authn.AuthConfig{IdentityToken: answer.Secret}, nil
	}
	return authn.AuthConfig{Username: answer.Username, Password: answer.Secret}, nil
}

// helperFailure adds to err what a failed helper printed.
func helperFailure(err error, out []byte) error {
	message := bytes.TrimSpace(out)
	var exit *exec.ExitError
	if len(message) == 0 && errors.As(err, &exit) {
		message = bytes.TrimSpace(exit.Stderr)
	}
	if len(message) == 0 {
		return err
	}
	return fmt.Errorf("%w: %s", err, printable(check.Clip(string(message))))
}
