package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/gapseal/gapseal/oci"
)

// home is an empty home folder, the configuration in which tests can write.
func home(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, v := range []string{"DOCKER_CONFIG", "DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR",
		"XDG_CONFIG_HOME"} {
		t.Setenv(v, "")
	}
	t.Setenv("HOME", dir)
	t.Setenv("USERPROFILE", dir)
	return dir
}

func write(t *testing.T, content string, path ...string) string {
	t.Helper()
	file := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

// auth is an entry with a user, whose password is the same.
func auth(user string) string {
	return fmt.Sprintf(`{"auth":%q}`, base64.StdEncoding.EncodeToString([]byte(user+":"+user)))
}

// lookUp finds the credentials for a repository, and returns the notes.
func lookUp(t *testing.T, repo string) (authn.AuthConfig, []string) {
	t.Helper()
	parsed, err := name.NewRepository(repo)
	if err != nil {
		t.Fatal(err)
	}
	var notes []string
	found, _ := dockerCredentials(context.Background(), parsed, func(format string, args ...any) {
		notes = append(notes, fmt.Sprintf(format, args...))
	})
	return found, notes
}

func TestMostSpecificCredentials(t *testing.T) {
	write(t, `{"auths":{
		"r.example":`+auth("host")+`, "r.example/a":`+auth("a")+`, "r.example/a/b":`+auth("ab")+`,
		"q.example/a":`+auth("other")+`, "https://legacy.example/v1/":`+auth("legacy")+`,
		"http://plain.example:5000":`+auth("plain")+`, "https://index.docker.io/v1/":`+auth("hub")+`,
		"docker.io/acme":`+auth("acme")+`, "bad.example":{"auth":"secret"}, "empty.example":{}}}`,
		home(t), ".docker", "config.json")
	for repo, want := range map[string]string{
		"r.example/a/b":           "ab",
		"r.example/a/b/c":         "ab",
		"r.example/a/c":           "a",
		"r.example/a":             "a",
		"r.example/ab":            "host",
		"r.example:5000/a":        "",
		"q.example/a/x":           "other",
		"q.example/b":             "", // never those of q.example/a
		"q.example/ab":            "",
		"legacy.example/x":        "legacy",
		"plain.example:5000/x":    "plain",
		"alpine":                  "hub",
		"docker.io/library/busy":  "hub",
		"acme/app":                "acme",
		"index.docker.io/acme/db": "acme",
		"empty.example/x":         "",
	} {
		got, notes := lookUp(t, repo)
		if got.Username != want || got.Password != want || len(notes) > 0 {
			t.Errorf("%s: got %q, %q", repo, got.Username, notes)
		}
	}
	got, notes := lookUp(t, "bad.example/x")
	if got != (authn.AuthConfig{}) || len(notes) != 1 || strings.Contains(notes[0], "secret") {
		t.Errorf("got %v, %q", got, notes)
	}
}

func TestPlacesOfCredentials(t *testing.T) {
	config := func(user string) string { return `{"auths":{"r.example":` + auth(user) + `}}` }
	for _, c := range []struct {
		env, value string
		path       []string
	}{
		{"DOCKER_CONFIG", "docker", []string{"docker", "config.json"}},
		{"REGISTRY_AUTH_FILE", "podman.json", []string{"podman.json"}},
		{"XDG_RUNTIME_DIR", "run", []string{"run", "containers", "auth.json"}},
		{"XDG_CONFIG_HOME", "conf", []string{"conf", "containers", "auth.json"}},
		{"", "", []string{".config", "containers", "auth.json"}},
		{"", "", []string{".docker", "config.json"}},
	} {
		dir := home(t)
		if c.env != "" {
			t.Setenv(c.env, filepath.Join(dir, c.value))
		}
		path := filepath.Join(c.path...)
		write(t, config(path), dir, path)
		if got, notes := lookUp(t, "r.example/a"); got.Username != path || len(notes) > 0 {
			t.Errorf("%s: got %q, %q", path, got.Username, notes)
		}
		write(t, "{", dir, path)
		if got, notes := lookUp(t, "r.example/a"); got != (authn.AuthConfig{}) || len(notes) != 1 {
			t.Errorf("%s is malformed: got %v, %q", path, got, notes)
		}
	}
	dir := home(t)
	t.Setenv("DOCKER_AUTH_CONFIG", config("variable"))
	write(t, config("file"), dir, ".docker", "config.json")
	if got, _ := lookUp(t, "r.example/a"); got.Username != "variable" {
		t.Errorf("got %q", got.Username)
	}
}

// helper installs a credential helper that records what it is asked for, and answers
// with a shell command.
func helper(t *testing.T, name, command string) (asked func() []string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a shell")
	}
	dir := t.TempDir()
	record := filepath.Join(dir, "asked")
	script := fmt.Sprintf("#!/bin/sh\nread key\necho \"$1 $key\" >>%s\n%s\n", record, command)
	write(t, script, dir, "docker-credential-"+name)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return func() []string {
		raw, _ := os.ReadFile(record)
		return strings.Split(strings.TrimSpace(string(raw)), "\n")
	}
}

func TestCredentialHelpers(t *testing.T) {
	dir := home(t)
	config := func(text string) { write(t, text, dir, ".docker", "config.json") }
	asked := helper(t, "good", `echo "{\"Username\":\"u\",\"Secret\":\"p\"}"`)
	config(`{"credHelpers":{"r.example":"good"},"credsStore":"none"}`)
	want := authn.AuthConfig{Username: "u", Password: "p"}
	if got, notes := lookUp(t, "r.example/a/b"); got != want || notes != nil {
		t.Errorf("credHelpers: got %v, %q", got, notes)
	}
	config(`{"auths":{"docker.io/acme":` + auth("acme") + `},"credsStore":"good"}`)
	if got, _ := lookUp(t, "docker.io/acme/app"); got.Username != "acme" {
		t.Errorf("the store knows hosts only: got %v", got)
	}
	if got, _ := lookUp(t, "docker.io/other/app"); got.Username != "u" {
		t.Errorf("credsStore: got %v", got)
	}
	if got, want := asked(), []string{"get r.example", "get https://index.docker.io/v1/"}; !slices.Equal(got, want) {
		t.Errorf("asked for %q, want %q", got, want)
	}

	helper(t, "token", `echo "{\"Username\":\"<token>\",\"Secret\":\"i\"}"`)
	config(`{"credsStore":"token"}`)
	if got, _ := lookUp(t, "r.example/a"); got != (authn.AuthConfig{IdentityToken: "i"}) {
		t.Errorf("identity token: got %v", got)
	}
	helper(t, "none", `echo "credentials not found in native keychain"; exit 1`)
	config(`{"credsStore":"none","auths":{"r.example":` + auth("file") + `}}`)
	if got, notes := lookUp(t, "r.example/a"); got.Username != "file" || notes != nil {
		t.Errorf("not in the store: got %v, %q", got, notes)
	}
}

func TestUnusableHelpers(t *testing.T) {
	dir := home(t)
	helper(t, "broken", `printf 'no \033[2J keyring\n' >&2; exit 3`)
	helper(t, "babbling", `echo secret`)
	config := filepath.Join(dir, ".docker", "config.json")
	for name, want := range map[string]string{
		"absent":   "docker-credential-absent, which " + config + " names for r.example, is not installed: install it",
		"broken":   "exit status 3: no ?[2J keyring",
		"babbling": "its answer is not JSON",
		"../../sh": "its name is a path",
	} {
		write(t, `{"credsStore":"`+name+`"}`, config)
		got, notes := lookUp(t, "r.example/a")
		if got != (authn.AuthConfig{}) || len(notes) != 1 || !strings.Contains(notes[0], want) ||
			!strings.Contains(notes[0], "going on without it") || strings.Contains(notes[0], "secret") {
			t.Errorf("%s: got %v, %q", name, got, notes)
		}
	}
}

// TestMissingHelperDoesNotMatterToPublicImages pulls without credentials, and says
// what is missing once.
func TestMissingHelperDoesNotMatterToPublicImages(t *testing.T) {
	l := newLab(t)
	write(t, `{"credsStore":"absent"}`, home(t), ".docker", "config.json")
	raw := index(t)
	l.putManifest("v1", oci.TypeIndex, raw)
	var notes []string
	s, err := newSource(Options{CertsDirs: []string{}, OnNote: func(n string) { notes = append(notes, n) }}, fast)
	if err != nil {
		t.Fatal(err)
	}
	for _, repo := range []string{l.repo, strings.Replace(l.repo, "/app", "/other", 1)} {
		got, _, err := s.Manifest(context.Background(), repo, "v1")
		if repo == l.repo && (err != nil || !bytes.Equal(got, raw)) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if len(notes) != 1 {
		t.Errorf("noted %q", notes)
	}
}
