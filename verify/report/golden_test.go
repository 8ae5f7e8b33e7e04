package report

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

var update = flag.Bool("update", false, "rewrite the golden reports")

// goldenChecks are the checks in the golden reports. All of them would take too
// much room.
var goldenChecks = []check.ID{check.ContainerHeader, check.ConfigDiffID, check.RekorSET, check.TrustKey, check.SignaturePresent, check.PolicyUnbound}

func goldenSample(t testing.TB, image string) *verify.Report {
	t.Helper()
	rep := sample(t, image)
	rep.Checks = slices.DeleteFunc(rep.Checks, func(c verify.Check) bool { return !slices.Contains(goldenChecks, c.ID) })
	return rep
}

// TestGolden compares reports on bundles of testdata with files that a person has
// looked at. After a change run it with -update, and look again.
func TestGolden(t *testing.T) {
	for name, image := range map[string]string{"verified": "app:v1", "rejected": "wrongkey:v1"} {
		rep := goldenSample(t, image)
		if string(rep.Verdict) != name {
			t.Fatalf("%s is %s", image, rep.Verdict)
		}
		for _, f := range Formats {
			format := f.Name
			if format == "text" {
				continue // docs/report.md and the tests of the text show it
			}
			path, got := filepath.Join("testdata", name+"."+format), written(t, format, rep)
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs from %s; if the change is intended, run the test with -update\nfound:\n%s", format, path, got)
			}
		}
	}
}
