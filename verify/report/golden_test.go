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

var update = flag.Bool("update", false, "write the golden reports anew")

// goldenChecks are those that the golden reports have, for lack of room for all.
var goldenChecks = []check.ID{check.ContainerHeader, check.ConfigDiffID, check.RekorSET, check.TrustKey, check.SignaturePresent, check.PolicyUnbound}

func goldenSample(t *testing.T, image string) *verify.Report {
	t.Helper()
	rep := sample(t, image)
	rep.Checks = slices.DeleteFunc(rep.Checks, func(c verify.Check) bool { return !slices.Contains(goldenChecks, c.ID) })
	return rep
}

// TestGolden compares reports of bundles of testdata with what a person has
// looked at. Run it with -update after a change, and look again.
func TestGolden(t *testing.T) {
	for name, image := range map[string]string{"verified": "app:v1", "rejected": "wrongkey:v1"} {
		rep := goldenSample(t, image)
		if string(rep.Verdict) != name {
			t.Fatalf("%s is %s", image, rep.Verdict)
		}
		for format := range formats {
			if format == "text" || format == "json" {
				continue // docs/report.md and the tests of the text show these
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
				t.Errorf("%s is not what %s holds; if it should be so now, run the test with -update\nfound:\n%s", format, path, got)
			}
		}
	}
}
