package docs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/internal/fixture"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

// options returns options with paths as on a user's host.
func options(t testing.TB) verify.Options {
	t.Helper()
	named := advice(t)
	opt := fixture.Options()
	opt.Advise = func(f *check.Fault) string {
		if f.Cause != "" {
			return named[string(f.Cause)]
		}
		return named[string(f.ID)]
	}
	opt.Path = "app.tar"
	opt.Keys[0].Path, opt.Logs[0].Path = "/home/ops/cosign.pub", "/home/ops/rekor.pub"
	opt.Tool = verify.Tool{Name: "gapseal", Version: "v0.1.0", Go: "go1.26.8"}
	return opt
}

func reportParts() map[string]func(testing.TB) string {
	return map[string]func(testing.TB) string{"report verified": reportVerified, "report failure": reportFailure}
}

// shown lists the checks that docs/report.md prints; all would take too much
// space.
var shown = []check.ID{check.ContainerHeader, check.ConfigDiffID, check.RekorSET, check.PolicyUnbound}

func reportVerified(t testing.TB) string {
	rep := fixture.Verify(t, example(t), options(t))
	all := len(rep.Checks)
	rep.Checks = slices.DeleteFunc(rep.Checks, func(c verify.Check) bool { return !slices.Contains(shown, c.ID) })
	var b bytes.Buffer
	if err := report.JSON(&b, rep); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("Of %d checks, %d are shown.\n\n", all, len(rep.Checks)) + fenced("json", b.String())
}

func reportFailure(t testing.TB) string {
	raw := flipLayer(t, example(t))
	rep := fixture.Verify(t, raw, options(t))
	if got := fixture.Failed(rep); !slices.Equal(got, []string{string(check.BlobDigest)}) {
		t.Fatalf("failed: %v", got)
	}
	out, err := json.MarshalIndent(rep.Failures, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return fenced("json", string(out))
}

// TestReportFields requires docs/report.md to describe every member of the JSON
// report, and no other.
func TestReportFields(t *testing.T) {
	text, _, _ := strings.Cut(readDocument(t, "docs/report.md"), "\n## Receipts\n") // receipts have other members
	described := map[string]bool{}
	for line := range strings.Lines(text) {
		if cell, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ := strings.Cut(cell, "`")
			described[name] = true
		}
	}
	want := map[string]bool{}
	members("", reflect.TypeFor[verify.Report](), want)
	for name := range want {
		if !described[name] {
			t.Errorf("docs/report.md does not describe %s", name)
		}
	}
	for name := range described {
		if !want[name] {
			t.Errorf("docs/report.md describes %s, which no report has", name)
		}
	}
}

// members collects the paths of all members, such as images[].signatures[].key.
// The members of failures[] are those of checks[] and are not collected again.
func members(prefix string, t reflect.Type, into map[string]bool) {
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		path := prefix + name
		into[path] = true
		ft := f.Type
		for ft.Kind() == reflect.Pointer || ft.Kind() == reflect.Slice && ft.Elem().Kind() == reflect.Struct {
			if ft.Kind() == reflect.Slice {
				path += "[]"
			}
			ft = ft.Elem()
		}
		if ft.Kind() == reflect.Struct && ft.PkgPath() != "time" && path != "failures[]" {
			members(path+".", ft, into)
		}
	}
}
