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

// oracleLimit bounds the oracle's work, which is about a minute on one core.
const oracleLimit = 10 * time.Minute

// strideEnv set to n has the oracle try each n-th change alone.
const strideEnv = "GAPSEAL_ORACLE_STRIDE"

// TestOracle has two implementations judge what the real tools wrote: gapseal and
// sigstore-go (see ../oracle). Both must accept every Sigstore bundle that lies in
// the registry as a referrer, and reject those that were signed or are judged
// amiss; and gapseal nothing that sigstore-go rejects, however it is changed.
func TestOracle(t *testing.T) {
	dir := newSamples(t)
	for _, c := range slices.Concat(goodForOracle(t), badForOracle(t)) {
		if n := dir.addAll(t, c, c.push(t, "oracle-"+c.name)); n != c.bundles {
			t.Errorf("%s: the registry has %d Sigstore bundles, want %d", c.name, n, c.bundles)
		}
	}
	dir.judge(t)
}

// oracleResult is the line that tells how much was tried and what came of it.
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
		t.Fatalf("want what was tried, and the counts, from\n%s", done)
	}
	for _, line := range lines {
		t.Logf("oracle: %s", line[1])
	}
	state := cmd.ProcessState
	t.Logf("oracle: %.0f s, %.0f s of CPU", time.Since(begun).Seconds(), (state.UserTime() + state.SystemTime()).Seconds())
}

// read gives the content of a file of this run.
func read(t *testing.T, file string) []byte {
	t.Helper()
	return ok(os.ReadFile(file))(t)
}
