package e2e

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestReferrersAPI verifies publishers' images from registries that have the
// referrers API. The lab's has not, so referrers are listed under a fallback tag there.
func TestReferrersAPI(t *testing.T) {
	server := httptest.NewServer(newRegistry())
	defer server.Close()
	for name, url := range map[string]string{"go-containerregistry": server.URL, "olareg": startOlareg(t)} {
		t.Run(name, func(t *testing.T) {
			defer func(labs string) { stack.registry = labs }(stack.registry)
			stack.registry = strings.TrimPrefix(url, "http://")
			verifyPublishers(t)
		})
	}
}

// verifyPublishers verifies images of publishers from the lab's registry.
func verifyPublishers(t *testing.T) {
	t.Helper()
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
