package depcheck

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// forbidden packages are those that a package which verifies must not import,
// directly or indirectly.
var forbidden = []string{"net/http", "os/exec", module + "/oci/registry"}

// excepted lists, for each forbidden package, the only packages that may import
// it, and why.
var excepted = map[string][]string{
	"os/exec": {
		// Reads the CMS signature of a timestamp (RFC 3161). It contains a test
		// that calls openssl, in a file that is not named *_test.go and so is
		// compiled in. gapseal never calls it.
		"github.com/digitorus/pkcs7",
		// Needed for the encoding of certificate timestamps (RFC 6962). On macOS
		// it calls /usr/bin/security for the system's roots when it verifies a
		// chain without given roots. gapseal verifies no chain with it.
		"github.com/google/certificate-transparency-go/x509",
	},
	"testing": {"github.com/digitorus/pkcs7"}, // because of the same file
}

// guarded reports whether a package is one of those that verify.
func guarded(p string) bool {
	if p == "oci/registry" || strings.HasPrefix(p, "oci/registry/") {
		return false
	}
	root, _, _ := strings.Cut(p, "/")
	return root == "oci" || root == "bundle" || root == "verify"
}

// TestVerifyingIsOffline makes "entirely offline" a property of the build.
func TestVerifyingIsOffline(t *testing.T) {
	for goos, g := range list(t, "./...") {
		found := 0
		for _, importPath := range slices.Sorted(maps.Keys(g)) {
			if !guarded(ours(importPath)) {
				continue
			}
			found++
			for _, bad := range forbidden {
				if path := g.without(excepted[bad]...).path(importPath, bad); path != nil {
					t.Errorf("%s: %s reaches %s: %s", goos, importPath, bad, strings.Join(path, " → "))
				}
			}
		}
		if found < 9 {
			t.Errorf("%s: found %d packages that verify; oci, bundle, verify and its parts were expected", goos, found)
		}
		if g.path(module+"/oci/registry", "net/http") == nil {
			t.Errorf("%s: oci/registry does not reach net/http, so this test sees too little", goos)
		}
	}
}

// TestExceptionsAreNeeded fails for an exception whose reason no longer exists.
func TestExceptionsAreNeeded(t *testing.T) {
	needed := map[string]bool{}
	for _, g := range list(t, "./...") {
		for bad, packages := range excepted {
			for _, by := range packages {
				if g[by] != nil && slices.Contains(g[by].Imports, bad) {
					needed[by+" "+bad] = true
				}
			}
		}
	}
	for bad, packages := range excepted {
		for _, by := range packages {
			if !needed[by+" "+bad] {
				t.Errorf("%s no longer imports %s: remove the exception", by, bad)
			}
		}
	}
}

// arrows lists, for each of our packages, those of our packages that it may
// import directly.
var arrows = map[string]string{
	"cmd/gapseal": "bundle bundle/recovery bundle/volume oci oci/archive oci/registry " +
		"internal/atomicfile internal/quantity internal/siteconfig internal/term " +
		"verify verify/cert verify/check verify/dsse verify/evidence verify/load verify/lock verify/policy " +
		"verify/receipt verify/register verify/report verify/seal verify/trust",
	"verify/policy": "bundle internal/plainyaml internal/quantity oci verify verify/cert verify/check verify/evidence verify/seal " +
		"verify/trust",
	"verify/register": "internal/atomicfile internal/strict oci " +
		"verify verify/check verify/dsse verify/report verify/trust",
	"verify/report": "internal/strict internal/term oci verify verify/check verify/dsse",
	"verify/load":   "bundle oci oci/archive verify verify/check",
	"verify/lock":   "bundle internal/strict oci verify/check",
	"verify": "bundle internal/layer internal/strict oci verify/cert verify/check verify/dsse verify/evidence " +
		"verify/lock verify/rekor verify/seal verify/trust verify/tsa",
	"verify/cert":     "internal/strict verify/check verify/trust",
	"verify/evidence": "internal/strict oci verify/check verify/dsse verify/rekor",
	"verify/rekor":    "internal/strict verify/check verify/dsse",
	"verify/trust":    "internal/plainyaml internal/strict verify/check",
	"verify/tsa":      "verify/check verify/trust",
	"verify/seal":     "bundle verify/dsse internal/strict oci verify/trust verify/check",
	"verify/receipt":  "bundle internal/strict oci verify verify/check verify/dsse verify/report verify/trust",
	"bundle":          "verify/check internal/strict oci",
	"bundle/volume":   "bundle internal/atomicfile verify/check internal/quantity internal/strict oci",
	"bundle/recovery": "bundle bundle/volume verify/check internal/strict oci",
	"oci/registry":    "internal/strict oci verify/check",
	"oci/archive":     "internal/atomicfile internal/strict oci",
	"oci":             "internal/layer internal/strict verify/check",

	"internal/atomicfile": "",
	"verify/check":        "",
	"verify/dsse":         "internal/strict verify/check verify/trust",
	"internal/layer":      "",
	"internal/term":       "",
	"internal/quantity":   "",
	"internal/plainyaml":  "verify/check",
	"internal/siteconfig": "oci verify verify/cert verify/load verify/trust",
	"internal/strict":     "verify/check",
}

func TestArrowsRunOneWay(t *testing.T) {
	for goos, g := range list(t, "./cmd/gapseal") {
		for _, importPath := range slices.Sorted(maps.Keys(g)) {
			name := ours(importPath)
			if name == "" {
				continue
			}
			allowed, known := arrows[name]
			if !known {
				t.Errorf("%s: %s is linked into gapseal but has no row in arrows", goos, name)
				continue
			}
			for _, i := range g[importPath].Imports {
				if to := ours(i); to != "" && !slices.Contains(strings.Fields(allowed), to) {
					t.Errorf("%s: %s imports %s", goos, name, to)
				}
			}
		}
	}
}

// unshipped is what only tests, demonstrations and the manual pages need.
var unshipped = []string{
	"testing", module + "/testdata", module + "/internal/fixture", module + "/internal/demo", module + "/internal/e2e",
	module + "/internal/depcheck", "github.com/spf13/cobra/doc", "github.com/cpuguy83/go-md2man/v2/md2man",
}

func TestNothingOfTheTestsIsShipped(t *testing.T) {
	for goos, g := range list(t, "./cmd/gapseal") {
		for _, bad := range unshipped {
			if path := g.without(excepted[bad]...).path(module+"/cmd/gapseal", bad); path != nil {
				t.Errorf("%s: %s is shipped: %s", goos, bad, strings.Join(path, " → "))
			}
		}
		for importPath := range g {
			if strings.Contains(importPath, "/e2e") || strings.Contains(importPath, "testscript") {
				t.Errorf("%s: %s is shipped", goos, importPath)
			}
		}
	}
}

// maxModules is the largest number of modules that a reviewer should have to
// read, including ours.
const maxModules = 45

func TestFewModulesAreShipped(t *testing.T) {
	modules := map[string]bool{}
	for _, g := range list(t, "./cmd/gapseal") {
		for _, p := range g {
			if p.Module != nil {
				modules[p.Module.Path] = true
			}
		}
	}
	if len(modules) > maxModules {
		t.Errorf("%d modules are shipped, want at most %d: %s",
			len(modules), maxModules, strings.Join(slices.Sorted(maps.Keys(modules)), ", "))
	}
	if !modules[module] || !modules["github.com/google/go-containerregistry"] {
		t.Errorf("the list of modules is incomplete: %v", slices.Sorted(maps.Keys(modules)))
	}
	t.Logf("%d modules", len(modules))
}

// maxBinary is the largest size of the binary in bytes, without symbols.
const maxBinary = 22 << 20

func TestTheBinaryIsSmall(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil || testing.Short() {
		t.Skip("there is no go tool to build with, or no time")
	}
	path := filepath.Join(t.TempDir(), "gapseal")
	args := []string{"build", "-trimpath", "-ldflags", "-s -w", "-o", path, "./cmd/gapseal"}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir, cmd.Env = "../..", append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxBinary {
		t.Errorf("the binary has %d bytes, want at most %d", info.Size(), maxBinary)
	}
	t.Logf("%d bytes", info.Size())
}
