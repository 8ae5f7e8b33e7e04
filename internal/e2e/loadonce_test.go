package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// contentSize is the number of bytes in the layer whose reading is traced.
const contentSize = 24 << 20

// TestLoadReadsOnce traces the system calls with which a load reads the bundle: each
// byte of content must be read exactly once.
func TestLoadReadsOnce(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed")
	}
	layer := ok(random.Layer(contentSize, types.OCILayer))(t)
	image := push(t, "load-once", ok(mutate.AppendLayers(newImage(t, "amd64", true), layer))(t))
	sign(t, image, goodSignature("cosign2"))
	file := exportBy(t, image, keyAnchors()...)
	for _, d := range destinations(t) {
		t.Run(d.name, func(t *testing.T) {
			trace := filepath.Join(t.TempDir(), "strace")
			cmd := loading(t, file, d, keyAnchors())
			// Each thread gets a file of its own, so that no call is written in two parts.
			tracer := command(t, strace, slices.Concat([]string{
				"-ff", "--seccomp-bpf", "-y", "-e", "trace=" + readingCalls, "-o", trace, cmd.Path}, cmd.Args[1:])...)
			tracer.Env = cmd.Env
			wantExit(t, 0, tracer)
			reads := readsOf(t, file, trace)
			at := offsetOf(t, file, ok(layer.Digest())(t))
			size := ok(os.Stat(file))(t).Size()
			total := wantOnce(t, reads, at, at+ok(layer.Size())(t))
			if more := total - size; more > 64<<10 {
				t.Errorf("read %d bytes of %d", total, size)
			}
			t.Logf("%d reads of %d bytes, the bundle has %d", len(reads), total, size)
		})
	}
}

const readingCalls = "read,readv,pread64,preadv,preadv2,mmap,sendfile,splice,copy_file_range"

// span is a part of a file that one call read.
type span struct{ from, to int64 }

var preadCall = regexp.MustCompile(`pread64\(.*, (\d+)\) += (\d+)$`)

// readsOf lists what the calls in the files of a trace read of a file. Only pread(2) says
// where.
func readsOf(t *testing.T, file, trace string) (reads []span) {
	t.Helper()
	lines := regexp.MustCompile(`(?m)^.*<` + regexp.QuoteMeta(file) + `>.*$`)
	for _, part := range ok(filepath.Glob(trace + ".*"))(t) {
		for _, line := range lines.FindAll(ok(os.ReadFile(part))(t), -1) {
			m := preadCall.FindSubmatch(line)
			if m == nil {
				t.Errorf("a call that the test does not understand: %.300s", line)
				continue
			}
			from, n := ok(strconv.ParseInt(string(m[1]), 10, 64))(t), ok(strconv.ParseInt(string(m[2]), 10, 64))(t)
			reads = append(reads, span{from, from + n})
		}
	}
	return reads
}

// wantOnce requires the bytes between from and to to be read exactly once. It returns
// how many bytes were read in all.
func wantOnce(t *testing.T, reads []span, from, to int64) (total int64) {
	t.Helper()
	slices.SortFunc(reads, func(a, b span) int { return int(a.from - b.from) })
	next := from
	for _, r := range reads {
		total += r.to - r.from
		if r.to <= from || r.from >= to {
			continue
		}
		if start := max(r.from, from); start != next {
			t.Errorf("a read begins at %d, where %d was expected", start, next)
		}
		next = r.to
	}
	if next < to {
		t.Errorf("the content was read up to %d of %d", next, to)
	}
	return total
}
