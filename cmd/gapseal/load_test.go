package main

import (
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/gapseal/gapseal/internal/fixture"
)

// TestLoadWithALogin loads into a registry behind TLS of a private authority, which wants a
// login. Each failure names what helps, and leaves nothing.
func TestLoadWithALogin(t *testing.T) {
	t.Parallel()
	store := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "plant" || password != "secret" {
			w.Header().Set("WWW-Authenticate", `Basic realm="plant"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		store.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	ca := pemFile(t, filepath.Join(dir, "ca.pem"), "CERTIFICATE", server.Certificate().Raw)
	if err := os.WriteFile(filepath.Join(dir, "app.tar"), fixture.Bundle(t, "app:v1", "bundle:v1"), 0o600); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(server.URL, "https://")
	login := func(password string) {
		auth := base64.StdEncoding.EncodeToString([]byte("plant:" + password))
		config := fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth)
		if err := os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		password, want string
		flags          []string
	}{
		{"", "pass the certificate of that authority with --registry-cacert", nil},
		{"", "docker login " + host, []string{"--registry-cacert", ca}},
		{"wrong", "docker login " + host, []string{"--registry-cacert", ca}},
		{"secret", "Loaded 2 images into " + host, []string{"--registry-cacert", ca}},
	} {
		if c.password != "" {
			login(c.password)
		}
		cmd := exec.CommandContext(t.Context(), "gapseal", append([]string{"load", "app.tar", host,
			"--key", testdataKey(t, "cosign.pub"), "--rekor-key", testdataKey(t, "rekor.pub")}, c.flags...)...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "DOCKER_CONFIG="+dir)
		out, err := cmd.CombinedOutput()
		unfolded := strings.Join(strings.Fields(string(out)), " ")
		if !strings.Contains(unfolded, c.want) || (err == nil) != strings.HasPrefix(c.want, "Loaded") {
			t.Errorf("password %q %v: %v, want %s\n%s", c.password, c.flags, err, c.want, out)
		}
	}
}
