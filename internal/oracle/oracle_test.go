package oracle

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// TestOracle requires that gapseal never accepts what sigstore-go rejects, and
// that a table gives a reason wherever it rejects what sigstore-go accepts.
func TestOracle(t *testing.T) {
	all, ran := newTally(), 0
	for name, of := range map[string]func(*testing.T) *tally{"samples": ofSamples, "resigned": ofResigned} {
		t.Run(name, func(t *testing.T) {
			all.merge(of(t))
			ran++
		})
	}
	all.report(t, ran == 2) // with -run, one of them alone does not reach every row
}

func ofSamples(t *testing.T) *tally {
	y, samples := newTally(), readSamples(t, "testdata/samples")
	compare(spliceCases(samples), y)
	for _, s := range samples {
		y.asItIs(t, s)
		if s.expect {
			compare(slices.Concat(bundleCases(s, stride(s)), anchorCases(s)), y)
		}
		if slices.Contains(rooted, s.name) {
			compare(rootCases(s, 1), y)
		}
	}
	return y
}

// rooted lists the samples for which the trusted roots are changed. Together they
// need every entry of both roots.
var rooted = []string{"lab/keyless-workflow", "lab/keyless-rekor2", "public-good/keyless-login"}

// full lists samples of different kinds, in which every byte is changed. In the
// others, which resemble these, every thirteenth byte is changed.
var full = []string{
	"lab/key-rekor1", "lab/key-rekor2", "lab/keyless-workflow", "lab/keyless-rekor2", "lab/message-keyless",
}

func stride(s *sample) int {
	if slices.Contains(full, s.name) {
		return 1
	}
	return 13
}

// asItIs requires both sides to accept a good sample, and to reject a bad one.
func (y *tally) asItIs(t *testing.T, s *sample) {
	t.Helper()
	g := new(gapsealSide).judge(s)
	o := new(sigstoreSide).judge(s, g.time)
	if g.accepted != s.expect || o.accepted != s.expect {
		t.Errorf("%s: gapseal accepts: %v %s %s; sigstore-go accepts: %v %s; want %v",
			s.name, g.accepted, g.cause, g.detail, o.accepted, o.cause, s.expect)
	}
	y.add(&testCase{sample: s, class: "as it is"}, g, o)
}

// compare has both sides judge every case.
func compare(cases []*testCase, y *tally) {
	work := make(chan *testCase)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			var g gapsealSide
			var o sigstoreSide
			for c := range work {
				a := g.judge(c.sample)
				y.add(c, a, o.judge(c.sample, a.time))
			}
		})
	}
	for _, c := range cases {
		work <- c
	}
	close(work)
	wait.Wait()
}
