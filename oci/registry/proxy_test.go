package registry

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/oci"
)

const proxiedRepo = "registry.example:5000/acme/app"

// TestThroughProxy runs itself as another process, since net/http reads the variables
// of the proxy once. The proxy leads to the registry, whose name is never resolved.
func TestThroughProxy(t *testing.T) {
	if os.Getenv("GAPSEAL_PROXY_TEST") != "" {
		pullThroughProxy(t)
		return
	}
	l := newLab(t)
	l.putManifest("v1", oci.TypeIndex, index(t))
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect || r.URL.Host != "registry.example:5000" {
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		l.ServeHTTP(w, r)
	}))
	defer proxy.Close()
	cmd := exec.Command(os.Args[0], "-test.run=^TestThroughProxy$", "-test.v")
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "GAPSEAL_PROXY_TEST=1", "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL)
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestThroughProxy") {
		t.Errorf("%v\n%s", err, out)
	}
	if n := l.requests("/manifests/v1"); n != 1 {
		t.Errorf("%d manifests went through the proxy, want 1", n)
	}
}

// pullThroughProxy also shows that plain HTTP to a host that is neither loopback nor
// private is used only if it is allowed.
func pullThroughProxy(t *testing.T) {
	l := &lab{t: t}
	_, _, err := l.source(Options{}).Manifest(context.Background(), proxiedRepo, "v1")
	wantText(t, err, "Method Not Allowed") // the answer to the CONNECT for TLS
	if _, _, err := l.source(Options{AllowHTTP: true}).Manifest(context.Background(), proxiedRepo, "v1"); err != nil {
		t.Error(err)
	}
}
