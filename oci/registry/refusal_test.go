package registry

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestARefusalSaysWhoseCredentials tells a wrong password from none, which a registry does
// not.
func TestARefusalSaysWhoseCredentials(t *testing.T) {
	for name, want := range map[string]string{
		`{"auths":{"%s":{"auth":"bWU6cHc="}}}`:        ` answered 401 to the stored credentials of "me" in `,
		`{"auths":{"other":{"auth":"bWU6cHc="}}}%.0s`: " answered 401; no credentials for it are stored",
	} {
		l := newLab(t)
		l.disturb = func(w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("WWW-Authenticate", `Basic realm="lab"`)
			refuse(w, 401, "UNAUTHORIZED")
			return true
		}
		dir := t.TempDir()
		for _, v := range []string{"DOCKER_AUTH_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"} {
			t.Setenv(v, "")
		}
		t.Setenv("HOME", dir)
		t.Setenv("DOCKER_CONFIG", dir)
		config := filepath.Join(dir, "config.json")
		if err := os.WriteFile(config, fmt.Appendf(nil, name, hostOf(l.repo)), 0o600); err != nil {
			t.Fatal(err)
		}
		var notes []string
		opts := Options{CertsDirs: []string{}, AllowInsecure: true, OnNote: func(s string) { notes = append(notes, s) }}
		target, err := newTarget(opts, fast, smallSizes)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(want, "stored credentials") {
			want += config
		}
		err = target.CanPush(t.Context(), l.repo)
		if err == nil || len(notes) != 1 || notes[0] != hostOf(l.repo)+want {
			t.Errorf("error %v, notes %q, want %q", err, notes, want)
		}
	}
}
