package e2e

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"
)

// oracleLimit bounds the run of the oracle, which takes about a minute on one core.
const oracleLimit = 10 * time.Minute

// strideEnv set to n makes the oracle try only every n-th change.
const strideEnv = "GAPSEAL_ORACLE_STRIDE"

// TestOracle has two implementations, gapseal and sigstore-go (see ../oracle), judge
// the Sigstore bundles that the real tools stored in the registry. Both must accept
// the good ones, and reject those that were signed wrongly or are judged with the
// wrong anchors. gapseal must accept no changed one that sigstore-go rejects.
func TestOracle(t *testing.T) {
	dir := newSamples(t)
	for _, c := range slices.Concat(goodForOracle(t), badForOracle(t)) {
		if n := dir.addAll(t, c, c.push(t, "oracle-"+c.name)); n != c.bundles {
			t.Errorf("%s: the registry has %d Sigstore bundles, want %d", c.name, n, c.bundles)
		}
	}
	dir.judge(t)
}

// oracleResult matches the lines with the number of cases and the results.
var oracleResult = regexp.MustCompile(`(?m)^.*(cases: \d+, agreements: .*|tried .*)$`)

// judge runs the oracle's test on the samples, which must pass.
func (dir samples) judge(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), oracleLimit)
	defer cancel()
	cmd := stack.command(ctx, oracleTest, "-test.run=^TestFresh$", "-test.v", "-test.count=1")
	cmd.Env = append(cmd.Env, "GAPSEAL_ORACLE_FRESH="+string(dir), strideEnv+"="+os.Getenv(strideEnv))
	cmd.Dir = oracleRoot
	begun := time.Now()
	done := wantExit(t, 0, cmd)
	lines := oracleResult.FindAllSubmatch(done.stdout, -1)
	if len(lines) != 2 || !bytes.Contains(done.stdout, []byte("--- PASS: TestFresh")) {
		t.Fatalf("want the lines with the number of cases and the results in\n%s", done)
	}
	for _, line := range lines {
		t.Logf("oracle: %s", line[1])
	}
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	t.Logf("oracle: %.0f s, %.0f s of CPU", time.Since(begun).Seconds(), cpu.Seconds())
}

// read returns the content of a file of this run.
func read(t *testing.T, file string) []byte {
	t.Helper()
	return ok(os.ReadFile(file))(t)
}
