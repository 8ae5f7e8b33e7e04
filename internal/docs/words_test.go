package docs

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

var checkID = regexp.MustCompile("`([a-z]+\\.[a-z][a-z-]*)`")

// TestCheckIDs requires every check that a document names to be in the table.
func TestCheckIDs(t *testing.T) {
	isClass := map[string]bool{}
	for _, q := range check.Table {
		isClass[q.ID.Class()] = true
	}
	fields := map[string]bool{} // members of the report, some of which look like ids of checks
	members("", reflect.TypeFor[verify.Report](), fields)
	for _, f := range (*verify.Transfer)(nil).Fields() {
		fields[f.Name] = true // such as media.serial
	}
	fields["policy.json"] = true // the file of containers/image
	found := 0
	for _, name := range documents(t) {
		for _, m := range checkID.FindAllStringSubmatch(readDocument(t, name), -1) {
			if class, _, _ := strings.Cut(m[1], "."); !isClass[class] || fields[m[1]] {
				continue
			}
			found++
			if _, ok := check.Lookup(check.ID(m[1])); !ok {
				t.Errorf("%s: there is no check %s", name, m[1])
			}
		}
	}
	if found < 100 {
		t.Errorf("found only %d checks in the documents", found)
	}
}

// TestFingerprint compares the fingerprint that operating.md shows with that of
// the key in testdata.
func TestFingerprint(t *testing.T) {
	want := fixture.Key("cosign.pub").Fingerprint()
	text := readDocument(t, "docs/operating.md")
	if !strings.Contains(text, "--key "+want) || !strings.Contains(text, "`"+strings.TrimPrefix(want, "sha256:")+"`") {
		t.Errorf("docs/operating.md does not show the fingerprint %s", want)
	}
}

// TestExitCodes compares the exit codes in README.md with those of the help.
func TestExitCodes(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(root, "cmd", "gapseal", "exit.go"))
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`(?m)^  (\d+) +(.+)$`).FindAllStringSubmatch(string(raw), -1)
	if len(codes) != 5 {
		t.Fatalf("cmd/gapseal/exit.go lists %d exit codes, want 5", len(codes))
	}
	readme := readDocument(t, "README.md")
	for _, c := range codes {
		if row := "| " + c[1] + " | " + c[2] + " |\n"; !strings.Contains(readme, row) {
			t.Errorf("README.md lacks the row %s", row)
		}
	}
}
