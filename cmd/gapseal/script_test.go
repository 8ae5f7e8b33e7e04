package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/testdata"
)

// TestMain lets scripts run the real main as if it were a release, as of a time
// shortly after the evidence of testdata was made.
func TestMain(m *testing.M) {
	programs := maps.Clone(fakeTools)
	programs["gapseal"] = func() {
		clock, release = func() time.Time { return fixture.Options().At }, "v0.1.0"
		main()
	}
	testscript.Main(m, programs)
}

func TestScripts(t *testing.T) {
	base := scriptFolder(t)
	reg, bundles, keys := serveRegistry(t), filepath.Join(base, "bundles"), filepath.Join(base, "keys")
	writeBundles(t, bundles)
	writeKeys(t, keys)
	scripts, err := filepath.Abs("testdata/script")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		WorkdirRoot:   base,
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Vars = append(e.Vars, environment(t, base, reg)...)
			e.Setenv("BUNDLES", bundles)
			e.Setenv("KEYS", keys)
			e.Setenv("SCRIPTS", scripts)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "narrow": narrow, "prints": prints, "says": says,
		},
	})
}

// scriptFolder makes a folder whose path has the same length on every machine:
// where a message is folded depends on the length of the paths in it.
func scriptFolder(t *testing.T) string {
	t.Helper()
	root := os.TempDir()
	if info, err := os.Stat("/tmp"); err == nil && info.IsDir() {
		root = "/tmp"
	}
	for i := range 1000 {
		dir := filepath.Join(root, fmt.Sprintf("gapseal-script-%06d", (os.Getpid()+i)%1_000_000))
		if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrExist) {
			continue
		} else if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				t.Error(err)
			}
		})
		return dir
	}
	t.Fatalf("no folder could be made in %s", root)
	return ""
}

// environment is what scripts find: the registry, and a copy of testdata.
func environment(t *testing.T, base string, reg *testRegistry) []string {
	t.Helper()
	data := filepath.Join(base, "data")
	return []string{
		"http_proxy=" + reg.url, "https_proxy=" + reg.url, "no_proxy=",
		"LOOPBACK=" + strings.TrimPrefix(reg.url, "http://"),
		"ACME=registry.example.com/acme",
		"DATA=" + data,
		"KEY=" + data + "/keys/cosign.pub",
		"OTHER=" + data + "/keys/other.pub",
		"LOG=" + data + "/keys/rekor.pub",
		"ROOT=" + data + "/keys/trusted_root.json",
		"GORACE=atexit_sleep_ms=0", // the default of a second adds up
	}
}

// writeBundles puts a bundle of each test image into a folder, good ones and
// ones that export would refuse to write.
func writeBundles(t *testing.T, dir string) {
	t.Helper()
	if err := errors.Join(os.Mkdir(dir, 0o700), os.CopyFS(filepath.Join(dir, "../data"), testdata.FS)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"app", "multi", "twokeys", "unsigned", "notlog", "wrongkey", "keyless", "bundle", "both",
	} {
		raw := fixture.Bundle(t, name+":v1")
		if err := os.WriteFile(filepath.Join(dir, name+".tar"), raw, 0o444); err != nil {
			t.Fatal(err)
		}
	}
}

// exits runs a program and checks its exit code: exits 1 gapseal verify …
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit := (*exec.ExitError)(nil)
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// narrow checks that a file, stdout or stderr, fits a terminal of 80 columns.
func narrow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: narrow FILE")
	}
	for l := range strings.Lines(ts.ReadFile(args[0])) {
		if l = strings.TrimSuffix(l, "\n"); len([]rune(l)) > 80 {
			ts.Fatalf("%d columns: %s", len([]rune(l)), l)
		}
	}
}

// says checks that stderr matches a pattern, wherever its lines were folded.
func says(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: [!] says PATTERN")
	}
	got := strings.Join(strings.Fields(ts.ReadFile("stderr")), " ")
	if regexp.MustCompile(args[0]).MatchString(got) == neg {
		ts.Fatalf("stderr says %q", got)
	}
}
