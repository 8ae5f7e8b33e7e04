package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// cacheEnv overrides the folder in which built tools are kept between runs.
const cacheEnv = "GAPSEAL_E2E_CACHE"

// Two module folders pin the versions of the tools in their go.mod. With a single one,
// the dependencies of some tools would change those of all others.
const (
	clients  = "."
	services = "tools2"
)

// tools maps each program to the package that it is built from.
var tools = []struct{ name, module, pkg string }{
	{"cosign2", clients, "github.com/sigstore/cosign/v2/cmd/cosign"},
	{"cosign3", clients, "github.com/sigstore/cosign/v3/cmd/cosign"},
	{"olareg", clients, "github.com/olareg/olareg/cmd/olareg"},
	{"oras", clients, "oras.land/oras/cmd/oras"},
	{"registry", clients, "github.com/distribution/distribution/v3/cmd/registry"},
	{"rekor-server", clients, "github.com/sigstore/rekor/cmd/rekor-server"},
	{"trillianmem", clients, "./trillianmem"},
	{"rekor-tiles", services, "github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix"},
	{"timestamp-server", services, "github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server"},
	{"fulcio", services, "github.com/sigstore/fulcio"},
	{"ct_server", services, "github.com/google/certificate-transparency-go/trillian/ctfe/ct_server"},
}

// gapsealRoot is the main module, relative to this folder, and oracleRoot the module
// of the oracle. The test binary of the oracle is built as oracleTest.
const (
	gapsealRoot = "../.."
	oracleRoot  = "../oracle"
	oracleTest  = "oracle.test"
)

// toolPath returns the path of a tool, whether or not it has been built.
func toolPath(name string) string {
	dir := os.Getenv(cacheEnv)
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		dir = filepath.Join(cache, "gapseal-e2e")
	}
	return filepath.Join(dir, name)
}

// buildTools builds all tools and gapseal. If nothing changed, Go's build cache makes
// that a matter of seconds.
func buildTools() error {
	unlock, err := lockCache()
	if err != nil {
		return err
	}
	defer unlock()
	for _, tool := range tools {
		if err := build(tool.module, tool.name, tool.pkg); err != nil {
			return err
		}
	}
	if err := build(gapsealRoot, "gapseal", "./cmd/gapseal"); err != nil {
		return err
	}
	return compile("test", "-C", oracleRoot, "-c", "-o", toolPath(oracleTest), ".")
}

// lockCache waits for other runs, since a program cannot be replaced while it is in
// use.
func lockCache() (unlock func(), err error) {
	path := toolPath("lock")
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { file.Close() }, nil
}

// build compiles pkg of the module in dir into the cache.
func build(dir, name, pkg string) error {
	begun := time.Now()
	err := compile("build", "-C", dir, "-trimpath", "-ldflags=-s -w", "-mod=readonly", "-o", toolPath(name), pkg)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "e2e: built %s in %.0f s\n", name, time.Since(begun).Seconds())
	return nil
}

// compile runs the go command.
func compile(args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return nil
}
