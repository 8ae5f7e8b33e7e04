package register

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

// few entries are enough: the first, the last and their neighbours differ in what
// can be found out about them.
const few = 6

// Of every byte of every entry the lowest bit, the bit of its case, and the
// highest bit is flipped: that entry is named, and no other.
func TestEveryByte(t *testing.T) {
	files := chain(t, 4, nil)
	step := 1
	if testing.Short() { // with the race detector, a sample
		step = 25
	}
	for n := range int64(len(files)) {
		for i := 0; i < len(files[n]); i += step {
			for _, bit := range []byte{0x01, 0x20, 0x80} {
				raw := slices.Clone(files[n])
				raw[i] ^= bit
				demand(t, fmt.Sprintf("entry %d, byte %d, bit %#x", n+1, i, bit), judge(t, with(files, n+1, raw)), n+1)
			}
		}
	}
}

// Every entry is cut to every length, and followed by further bytes.
func TestEveryLength(t *testing.T) {
	files := chain(t, 3, nil)
	for n := int64(1); n <= 3; n++ {
		for i := range files[n-1] {
			demand(t, fmt.Sprintf("entry %d cut to %d bytes", n, i), judge(t, with(files, n, files[n-1][:i])), n)
		}
		for _, more := range []string{"\n", " ", "{}", string(files[0])} {
			demand(t, fmt.Sprintf("entry %d with %.10q", n, more), judge(t, with(files, n, append(slices.Clone(files[n-1]), more...))), n)
		}
	}
}

// forgeries are edits by an attacker who also corrects the digests in the entry.
var forgeries = map[string]func(*Entry){
	"time":     func(e *Entry) { e.RecordedAt = e.RecordedAt.AddDate(0, 0, 1) },
	"transfer": func(e *Entry) { e.TransferID = "" },
	"tool":     func(e *Entry) { e.ToolVersion = "v2" },
	"serial":   func(e *Entry) { e.Seal.Serial++ },
	"no seal":  func(e *Entry) { e.Seal = nil },
	"name":     func(e *Entry) { e.Images[0].References = []string{} },
	"trusted":  func(e *Entry) { *e.Images[0].TrustedTime = start },
	"verdict": func(e *Entry) {
		e.Verdict = map[check.Verdict]check.Verdict{check.Verified: check.Rejected, check.Rejected: check.Verified}[e.Verdict]
		e.Report = string(reportOf(e.Verdict, string(e.Identity), e.Images[0].Digest))
		e.ReportDigest = digestOf([]byte(e.Report))
	},
}

// A forged entry is found because the next entries do not fit it. If it is the one
// before the last, the last may be the wrong one instead, and the fault says so. A
// forged last entry is found only by comparing with a head.
func TestEveryForgedEntry(t *testing.T) {
	files := chain(t, few, nil)
	head := headOf(t, files)
	for name, forge := range forgeries {
		for n := int64(1); n <= few; n++ {
			what := fmt.Sprintf("%s of entry %d", name, n)
			forged := with(files, n, rewritten(t, files[n-1], forge))
			if n == few {
				demand(t, what, judge(t, forged))
				demand(t, what+" against a head", judge(t, forged, head), 0)
				continue
			}
			demand(t, what, judge(t, forged), n)
			demand(t, what+" against a head", judge(t, forged, head), n, 0)
		}
	}
}

// An entry names another previous entry.
func TestEveryForgedLink(t *testing.T) {
	files := chain(t, few, nil)
	for n := int64(1); n <= few; n++ {
		forged := with(files, n, rewritten(t, files[n-1], func(e *Entry) { e.Previous = id("other", n) }))
		want := n
		if n == few {
			want = n - 1 // the last two do not fit, and nothing shows which of them is right
		}
		demand(t, fmt.Sprint("link of entry ", n), judge(t, forged), want)
	}
}

func TestEveryRemoval(t *testing.T) {
	files := chain(t, few, nil)
	head := headOf(t, files)
	for n := int64(1); n <= few; n++ {
		what := fmt.Sprintf("without entry %d", n)
		without := with(files, n, nil)
		moved := slices.Delete(slices.Clone(files), int(n-1), int(n)) // and the files after it renamed
		var renamed []int64
		for i := n; i < few; i++ {
			renamed = append(renamed, i)
		}
		if n == few {
			demand(t, what, judge(t, without))
			demand(t, what+" against a head", judge(t, without, head), n)
			continue
		}
		demand(t, what, judge(t, without), n)
		res := judge(t, without, head)
		demand(t, what+" against a head", res, n, 0)
		if want := "some are missing"; res.Root != "" || !strings.HasSuffix(res.Faults[1].Problem, want) {
			t.Errorf("%s: root %q, %v, want %s", what, res.Root, res.Faults, want)
		}
		demand(t, what+", renamed", judge(t, moved), renamed...)
	}
}

func TestEveryRunOfRemovals(t *testing.T) {
	files := chain(t, few, nil)
	for from := range few {
		for to := from + 1; to < few; to++ {
			cut := slices.Clone(files)
			clear(cut[from:to])
			demand(t, fmt.Sprintf("without %d to %d", from+1, to), judge(t, cut), int64(from+1))
		}
	}
}

func TestEverySwap(t *testing.T) {
	files := chain(t, few, nil)
	for i := range few {
		for j := i + 1; j < few; j++ {
			swapped := slices.Clone(files)
			swapped[i], swapped[j] = swapped[j], swapped[i]
			demand(t, fmt.Sprintf("%d and %d swapped", i+1, j+1), judge(t, swapped), int64(i+1), int64(j+1))
		}
	}
}

// An entry is copied over another one, to the end, or from another register.
func TestEveryCopy(t *testing.T) {
	files := chain(t, few, nil)
	other := chain(t, few, func(e *Entry) { e.ToolVersion = "of another register" })
	for i := int64(1); i <= few; i++ {
		demand(t, fmt.Sprintf("%d copied to the end", i), judge(t, append(slices.Clone(files), files[i-1])), few+1)
		want := i
		if i == few {
			want = few - 1
		}
		demand(t, fmt.Sprintf("a foreign entry %d", i), judge(t, with(files, i, other[i-1])), want)
		for j := int64(1); j <= few; j++ {
			if i != j {
				demand(t, fmt.Sprintf("%d copied over %d", i, j), judge(t, with(files, j, files[i-1])), j)
			}
		}
	}
}
