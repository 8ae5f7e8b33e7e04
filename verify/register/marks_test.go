package register

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// sealedAs returns a register of verified bundles with these serials of a stream.
// A negative serial is that of a rejected bundle.
func sealedAs(t *testing.T, serials ...int) [][]byte {
	t.Helper()
	return chain(t, int64(len(serials)), func(e *Entry) {
		serial := serials[e.Number-1]
		e.Verdict = check.Verified
		if serial < 0 {
			e.Verdict, serial = check.Rejected, -serial
		}
		e.Seal.Serial, e.Seal.InventoryDigest = uint64(serial), id("inventory", int64(serial))
		logged := start.Add(time.Duration(serial) * time.Hour)
		e.Images[0].TrustedTime = &logged
		e.Report = string(reportOf(e.Verdict, string(e.Identity), e.Images[0].Digest))
		e.ReportDigest = digestOf([]byte(e.Report))
	})
}

// latest returns the newest build under a name, by its trusted time.
func latest(r verify.Known, name string) (at time.Time, entry int, err error) {
	builds, err := r.Builds(name)
	for _, b := range builds {
		if b.Time.After(at) {
			at, entry = b.Time, b.Entry
		}
	}
	return at, entry, err
}

// A build is never newer than it was when it was first recorded: its signature may
// have been logged again since.
func TestBuildKeepsItsEarliestTime(t *testing.T) {
	const name = "registry.example.com/acme/app:v1"
	digests := []string{id("image", 1), id("image", 2), id("image", 1)}
	hours := []int{1, 5, 9}
	r := folder(t, chain(t, 3, func(e *Entry) {
		e.Verdict = check.Verified
		at := start.Add(time.Duration(hours[e.Number-1]) * time.Hour)
		e.Images[0].Digest, e.Images[0].TrustedTime = digests[e.Number-1], &at
		e.Report = string(reportOf(e.Verdict, string(e.Identity), e.Images[0].Digest))
		e.ReportDigest = digestOf([]byte(e.Report))
	}))
	builds, err := r.Builds(name)
	want := []verify.Build{
		{Digest: digests[0], Time: start.Add(time.Hour), Entry: 1},
		{Digest: digests[1], Time: start.Add(5 * time.Hour), Entry: 2},
	}
	if err != nil || !reflect.DeepEqual(builds, want) {
		t.Errorf("%v, %v, want %v", builds, err, want)
	}
}

func TestMarks(t *testing.T) {
	for name, c := range map[string]struct {
		serials []int
		serial  uint64
		number  int
	}{
		"nothing":               {nil, 0, 0},
		"rising":                {[]int{1, 2, 5}, 5, 3},
		"an older one accepted": {[]int{1, 7, 5}, 7, 2},
		"the same again":        {[]int{1, 7, 7}, 7, 2},
		"rejected ones only":    {[]int{-3, -4}, 0, 0},
		"a rejected one higher": {[]int{4, -9}, 4, 1},
		"zero":                  {[]int{0}, 0, 1},
	} {
		r := folder(t, sealedAs(t, c.serials...))
		inventory, when := "", time.Time{}
		if c.number > 0 {
			inventory, when = id("inventory", int64(c.serial)), start.Add(time.Duration(c.serial)*time.Hour)
		}
		serial, inv, number, err := r.HighWater(id("key", 0), "site-a")
		if err != nil || serial != c.serial || inv != inventory || number != c.number {
			t.Errorf("%s: serial %d of %s in entry %d, %v", name, serial, inv, number, err)
		}
		logged, number, err := latest(r, "registry.example.com/acme/app:v1")
		if err != nil || !logged.Equal(when) || number != c.number {
			t.Errorf("%s: trusted time %v in entry %d, %v", name, logged, number, err)
		}
	}
}

// Of two inventories with one serial, the one that was verified first counts.
func TestMarkOfAnEqualSerialIsTheFirst(t *testing.T) {
	files := sealedAs(t, 4)
	files = extend(t, files, 2, func(e *Entry) { e.Seal.Serial, e.Seal.InventoryDigest = 4, id("inventory", 99) })
	if _, inventory, number, err := folder(t, files).HighWater(id("key", 0), "site-a"); err != nil || number != 1 || inventory != id("inventory", 4) {
		t.Errorf("HighWater: %s in entry %d, %v", inventory, number, err)
	}
}

// Each key, stream and name has marks of its own.
func TestMarksAreKeptApart(t *testing.T) {
	r := folder(t, sealedAs(t, 5))
	for _, c := range [][2]string{{id("key", 1), "site-a"}, {id("key", 0), "site-b"}, {"", ""}} {
		if serial, _, number, err := r.HighWater(c[0], c[1]); err != nil || serial != 0 || number != 0 {
			t.Errorf("%v: serial %d in entry %d, %v", c, serial, number, err)
		}
	}
	if logged, number, err := latest(r, "registry.example.com/acme/app"); err != nil || !logged.IsZero() || number != 0 {
		t.Errorf("another name: %v in entry %d, %v", logged, number, err)
	}
}

// A name that only the bundle gave, and an image without a trusted time, set no
// mark.
func TestUnnamedImagesSetNoMark(t *testing.T) {
	for name, change := range map[string]func(*Entry){
		"no name": func(e *Entry) { e.Images[0].References = []string{} },
		"no time": func(e *Entry) { e.Images[0].TrustedTime = nil },
		"no seal": func(e *Entry) { e.Seal, e.Images[0].TrustedTime = nil, nil },
	} {
		r := folder(t, chain(t, 1, change))
		if logged, number, err := latest(r, "registry.example.com/acme/app:v1"); err != nil || !logged.IsZero() || number != 0 {
			t.Errorf("%s: %v in entry %d, %v", name, logged, number, err)
		}
	}
}

func TestMarksAreReadAgainAfterAppending(t *testing.T) {
	r := folder(t, nil)
	for n := int64(1); n <= 2; n++ {
		appended(t, r, n)
		if serial, _, number, err := r.HighWater(id("key", 0), "site-a"); err != nil || serial != uint64(n) || number != int(n) {
			t.Errorf("serial %d in entry %d, %v, want %d", serial, number, err, n)
		}
	}
}

// A register that was tampered with answers no question.
func TestADamagedRegisterGivesNoMark(t *testing.T) {
	files := sealedAs(t, 1, 2, 3)
	for name, c := range map[string]struct {
		files  [][]byte
		number int64
	}{
		"edited":    {with(files, 2, rewritten(t, files[1], func(e *Entry) { e.Seal.Serial = 1 })), 2},
		"removed":   {[][]byte{files[0], nil, files[2]}, 2},
		"reordered": {slices.Concat(files[:1], files[2:], files[1:2]), 2},
	} {
		r := folder(t, c.files)
		var damaged *DamagedError
		if _, _, _, err := r.HighWater(id("key", 0), "site-a"); !errors.As(err, &damaged) || damaged.First.Number != c.number {
			t.Errorf("%s: HighWater: %v", name, err)
		}
		if _, _, err := latest(r, "x"); !errors.As(err, &damaged) {
			t.Errorf("%s: Builds: %v", name, err)
		}
	}
}
