package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// keys returns the anchors for export and verify.
func keys() []string {
	return []string{"--key", stack.signer.public, "--rekor-key", stack.rekorPub}
}

// exporting prepares an export of images to file, with the anchors and args.
func exporting(t *testing.T, file string, images []pushed, args ...string) *exec.Cmd {
	t.Helper()
	return exportingBy(t, file, images, slices.Concat(keys(), args))
}

// exportingBy prepares an export of images to file, with only the anchors in args.
func exportingBy(t *testing.T, file string, images []pushed, args []string) *exec.Cmd {
	t.Helper()
	line := []string{"export"}
	for _, image := range images {
		line = append(line, image.tag)
	}
	line = append(line, "--allow-http-registry", "-o", file)
	return command(t, "gapseal", append(line, args...)...)
}

// export exports images to a new bundle, which must succeed, and returns its path.
func export(t *testing.T, images []pushed, args ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.tar")
	wantExit(t, 0, exporting(t, file, images, args...))
	return file
}

// verifying prepares a verification in a namespace without a network, with only the
// anchors in args.
func verifying(t *testing.T, file string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := command(t, "gapseal", append([]string{"verify", file}, args...)...)
	isolate(cmd)
	return cmd
}

// report is the part of gapseal's JSON report that the tests use.
type report struct {
	Schema  string
	Verdict string
	Bundle  struct {
		Size     int64
		Identity string
	}
	Anchors []struct{ Kind, Fingerprint string }
	Waivers []string
	Images  []struct {
		Digest, ClaimedReference, BoundBy, Verdict string
		VouchedBy                                  string
		Platforms                                  []string
		Signatures                                 []judged
		Attestations                               []struct {
			judged
			PredicateType string
		}
		Evidence []struct {
			Digest, Kind string
			Judged       bool
		}
	}
	Checks   []checkResult
	Failures []checkResult
}

// judged is a signature, or the signature of an attestation.
type judged struct {
	Form, Subject, Key      string
	Identity, Issuer        string
	TrustedTime, TimeSource string
	Counts                  bool
	Log                     *struct{ Kind, IntegratedTime string }
}

type checkResult struct{ ID, Class, Status, Subject, Detail string }

// verify verifies file with the anchors and args, and returns the report. It
// requires this verdict and its exit code.
func verify(t *testing.T, verdict, file string, args ...string) report {
	t.Helper()
	return judge(t, verdict, verifying(t, file, slices.Concat(keys(), args, []string{"--output", "json"})...))
}

// judge runs a verification that prints JSON, and requires this verdict and its exit
// code.
func judge(t *testing.T, verdict string, cmd *exec.Cmd) report {
	t.Helper()
	code, known := map[string]int{"verified": 0, "rejected": 1}[verdict]
	if !known {
		t.Fatalf("no such verdict: %q", verdict)
	}
	done := wantExit(t, code, cmd)
	var r report
	if err := json.Unmarshal(done.stdout, &r); err != nil {
		t.Fatalf("%v in\n%s", err, done)
	}
	if r.Schema != "gapseal.report/v1" || r.Verdict != verdict {
		t.Fatalf("want schema gapseal.report/v1 and verdict %s from\n%s", verdict, done)
	}
	return r
}

// wantFailed compares the ids of the failed checks, each once, in the order of cause.
func (r report) wantFailed(t *testing.T, ids ...string) {
	t.Helper()
	var failed []string
	for _, f := range r.Failures {
		if !slices.Contains(failed, f.ID) {
			failed = append(failed, f.ID)
		}
	}
	if !slices.Equal(failed, ids) {
		t.Errorf("failed checks are %q, want %q:\n%+v", failed, ids, r.Failures)
	}
}

// wantNoted requires each check to have passed, and besides that to have been answered by
// a note: something else failed it that nothing needs.
func (r report) wantNoted(t *testing.T, ids ...string) {
	t.Helper()
	for _, id := range ids {
		got := r.statuses(id)
		slices.Sort(got)
		if !slices.Equal(slices.Compact(got), []string{"pass", "skip"}) {
			t.Errorf("%s is %q, want pass and a note", id, got)
		}
	}
}

// wantWarned compares the ids of the checks that warn, each once and in any order.
func (r report) wantWarned(t *testing.T, ids ...string) {
	t.Helper()
	var warned []string
	var warnings []checkResult
	for _, c := range r.Checks {
		if c.Status != "warn" {
			continue
		}
		warnings = append(warnings, c)
		if !slices.Contains(warned, c.ID) {
			warned = append(warned, c.ID)
		}
	}
	slices.Sort(warned)
	slices.Sort(ids)
	if !slices.Equal(warned, ids) {
		t.Errorf("warnings are %q, want %q:\n%+v", warned, ids, warnings)
	}
}

// statuses returns the statuses of all answers to a check.
func (r report) statuses(id string) []string {
	var list []string
	for _, c := range r.Checks {
		if c.ID == id {
			list = append(list, c.Status)
		}
	}
	return list
}

// flip changes one bit of the byte at offset.
func flip(t *testing.T, file string, offset int64) {
	t.Helper()
	f := ok(os.OpenFile(file, os.O_RDWR, 0))(t)
	defer f.Close()
	var b [1]byte
	ok(f.ReadAt(b[:], offset))(t)
	b[0] ^= 1
	ok(f.WriteAt(b[:], offset))(t)
}
