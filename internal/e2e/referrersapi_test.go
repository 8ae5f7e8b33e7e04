package e2e

import (
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// TestReferrersAPI verifies publishers' images from a registry that has the
// referrers API. The lab's has not, so referrers are listed under a fallback tag there.
func TestReferrersAPI(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true),
		registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	defer func(labs string) { stack.registry = labs }(stack.registry)
	stack.registry = strings.TrimPrefix(server.URL, "http://")
	rows := []string{
		"Kubernetes", "Chainguard, both", "cosign", "docker github-builder", "Docker Hardened Images",
		"GitHub, public", "Kyverno",
	}
	tried := 0
	for _, p := range publishers() {
		if !slices.Contains(rows, p.name) {
			continue
		}
		tried++
		t.Run(p.name, func(t *testing.T) {
			r := p.verify(t, p.sample(t, false))
			if got := r.Images[0].VouchedBy; got != p.by() {
				t.Errorf("vouched for by %q, want %q", got, p.by())
			}
			p.reject(t, p.sample(t, true)).wantFailed(t, p.failed...)
		})
	}
	if tried != len(rows) {
		t.Errorf("tried %d publishers, want %d", tried, len(rows))
	}
}
