package register

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
)

// What has the name of an entry and is not a file is reported, and not opened.
func TestEntriesThatAreNotFiles(t *testing.T) {
	for name, put := range map[string]func(path, elsewhere string) error{
		"a folder": func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"a link":   func(path, elsewhere string) error { return os.Symlink(elsewhere, path) },
	} {
		files := chain(t, few, nil)
		elsewhere := folder(t, files).path(2)
		files[1] = nil
		r := folder(t, files)
		if err := put(r.path(2), elsewhere); err != nil {
			t.Skip(err) // not every user may make links
		}
		res, err := r.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		demand(t, name, res, 2)
		var fault *Fault
		if _, _, err := r.Get(2); !errors.As(err, &fault) || fault.Problem != "is not a regular file" {
			t.Errorf("%s: Get: %v", name, err)
		}
	}
}

func TestStrays(t *testing.T) {
	r := folder(t, chain(t, 2, nil))
	strays := []string{"000000000000.json", "00000000003.json", "000000000003.JSON", "000000000003.json.bak", "0000000000003.json", "00000000000x.json", "+00000000003.json", "notes"}
	for _, name := range strays {
		write(t, r, name, "")
	}
	res, err := r.Check(t.Context())
	slices.Sort(strays)
	if err != nil || !slices.Equal(res.Strays, strays) || res.Strayed != len(strays) || res.Faulty != 0 || res.Whole() || res.Entries != 2 {
		t.Errorf("Check: %+v, %v", res, err)
	}
	appended(t, r, 3) // strays do not hinder it
	if _, _, number, err := r.HighWater(id("key", 0), "site-a"); err != nil || number != 2 {
		t.Errorf("HighWater: entry %d, %v", number, err)
	}
}

// Faults beyond those that are listed are counted.
func TestFaultsAreBounded(t *testing.T) {
	c := newChecker(nil, nil)
	for n := int64(1); n <= maxFaults+5; n++ {
		if err := c.place(n, nil); err != nil {
			t.Fatal(err)
		}
	}
	if res := c.end(); len(res.Faults) != maxFaults || res.Faulty != maxFaults+5 {
		t.Errorf("%d faults listed of %d", len(res.Faults), res.Faulty)
	}
}

// No fault hides another, wherever they are.
func TestSeveralFaults(t *testing.T) {
	files := chain(t, 12, nil)
	bad := with(files, 2, rewritten(t, files[1], forgeries["serial"]))
	bad[3] = files[3][1:]
	bad = with(bad, 6, rewritten(t, files[5], forgeries["serial"]))
	bad = with(bad, 9, nil)
	bad = with(bad, 11, rewritten(t, files[10], forgeries["serial"]))
	demand(t, "several", judge(t, bad, headOf(t, files[:8]), headOf(t, files)), 2, 4, 6, 9, 11, 0, 0)
}

// One file with a very high number is a gap, and not endless work.
func TestAnEntryFarAway(t *testing.T) {
	r := folder(t, chain(t, 2, nil))
	write(t, r, "999999999999.json", "")
	res, err := r.Check(t.Context(), Head{Size: 1 << 60, At: start})
	if err != nil {
		t.Fatal(err)
	}
	demand(t, "far away", res, 3, 999999999999, 1000000000000)
}

func TestMessages(t *testing.T) {
	files := chain(t, few, nil)
	for want, bad := range map[string][][]byte{
		"entry 2: is missing, and entries after it are there: it was removed":                                             with(files, 2, nil),
		"entry 2: its file holds entry 5, which was moved or copied there":                                                with(files, 2, files[4]),
		"entry 2: was edited: it does not have the SHA-256 that it gives for itself":                                      with(files, 2, []byte(strings.Replace(string(files[1]), "T-2", "T-7", 1))),
		"entry 2: was edited: it is not spelled as gapseal writes an entry":                                               with(files, 2, append([]byte(" "), files[1]...)),
		"entry 2: was rewritten, perhaps with others before it: entries 3 and 4 fit each other, and not it":               with(files, 2, rewritten(t, files[1], forgeries["serial"])),
		"entry 1: is not the first entry of its register: it names a previous one":                                        with(files, 1, rewritten(t, files[0], func(e *Entry) { e.Previous = id("x", 1) })),
		"entry 3: was rewritten or comes from another register: it fits neither the entry before it nor the one after it": with(files, 3, rewritten(t, files[2], func(e *Entry) { e.Previous = id("x", 1) })),
		"entry 5: does not fit entry 6: one of the two was rewritten or comes from another register":                      with(files, 5, rewritten(t, files[4], forgeries["serial"])),
	} {
		if res := judge(t, bad); len(res.Faults) != 1 || res.Faults[0].Error() != want {
			t.Errorf("found %v, want %s", res.Faults, want)
		}
	}
}

func TestCheckEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := folder(t, chain(t, 2, nil)).Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Check: %v", err)
	}
}

func TestGetOfAMissingEntry(t *testing.T) {
	if _, _, err := folder(t, nil).Get(1); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get: %v", err)
	}
}

func TestParseRefuses(t *testing.T) {
	good := chain(t, 1, nil)[0]
	for name, change := range map[string]func(*Entry){
		"schema":        func(e *Entry) { e.Schema = "gapseal.register/v2" },
		"number":        func(e *Entry) { e.Number = 0 },
		"half a second": func(e *Entry) { e.RecordedAt = e.RecordedAt.Add(1) },
		"no time": func(e *Entry) {
			e.RecordedAt = e.RecordedAt.AddDate(-e.RecordedAt.Year()+1, -10, -22).Add(-e.RecordedAt.Sub(e.RecordedAt.Truncate(24 * 3600e9)))
		},
		"report":          func(e *Entry) { e.Report += " " },
		"report's digest": func(e *Entry) { e.ReportDigest = id("x", 1) },
		"seal":            func(e *Entry) { e.Seal.KeyFingerprint = "" },
	} {
		e, err := Parse(good)
		if err != nil {
			t.Fatal(err)
		}
		change(e)
		if _, err := Parse(encoded(t, e)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Parse(make([]byte, MaxEntry+1)); err == nil || !strings.Contains(err.Error(), "budget") {
		t.Errorf("too large: %v", err)
	}
}
