package register

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gapseal/gapseal/verify/check"
)

func appended(t *testing.T, r *Register, n int64) {
	t.Helper()
	if got, err := r.Append(t.Context(), sample(n)); err != nil || got != n {
		t.Fatalf("Append gives entry %d, %v, want %d", got, err, n)
	}
}

// Append writes the files that the tests of the chain are made of, and leaves
// nothing else but the lock.
func TestAppend(t *testing.T) {
	want := chain(t, few, nil)
	r := folder(t, nil)
	for n := int64(1); n <= few; n++ {
		appended(t, r, n)
		if raw, err := r.read(n); err != nil || !bytes.Equal(raw, want[n-1]) {
			t.Errorf("entry %d: %v\nfound %s\nwant %s", n, err, raw, want[n-1])
		}
	}
	names, err := filepath.Glob(filepath.Join(r.dir, "*"))
	if err != nil || len(names) != few+1 {
		t.Errorf("the folder holds %v, %v", names, err)
	}
	res, err := r.Check(t.Context(), headOf(t, want))
	if err != nil || !res.Whole() || res.Entries != few || res.Partial != 0 {
		t.Errorf("Check: %+v, %v", res, err)
	}
}

func TestReportIsKeptByteForByte(t *testing.T) {
	r, rec := folder(t, nil), sample(1)
	rec.Report = append([]byte("\t\r\n{\"text\":\"\u2028 \\u0000 <&> \u00e9 \U0001f512 1e400\","), rec.Report[1:]...)
	if _, err := r.Append(t.Context(), rec); err != nil {
		t.Fatal(err)
	}
	if e, _, err := r.Get(1); err != nil || e.Report != string(rec.Report) {
		t.Errorf("found %q, %v, want %q", e.Report, err, rec.Report)
	}
}

func TestAppendRefuses(t *testing.T) {
	files := chain(t, 3, nil)
	edited := bytes.Replace(files[2], []byte("T-3"), []byte("T-4"), 1)
	for name, c := range map[string]struct {
		files  [][]byte
		number int64
	}{
		"a damaged last entry":  {with(files, 3, edited), 3},
		"another entry as last": {with(files, 3, files[1]), 3},
		"entries removed":       {[][]byte{files[0], nil, files[2]}, 0},
		"a last entry cut off":  {with(files, 3, files[2][:100]), 3},
		"an empty last entry":   {with(files, 3, nil), 3},
	} {
		r := folder(t, c.files)
		if name == "an empty last entry" {
			write(t, r, fileName(3), "")
		}
		var damaged *DamagedError
		if n, err := r.Append(t.Context(), sample(4)); n != 0 || !errors.As(err, &damaged) || damaged.First.Number != c.number {
			t.Errorf("%s: entry %d, %v", name, n, err)
		}
		if _, err := os.Stat(r.path(4)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: an entry was written: %v", name, err)
		}
	}
}

func TestAppendRefusesOtherRecords(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Record)
		err    string
	}{
		"a third verdict":     {func(r *Record) { r.Verdict = "perhaps" }, `verdict is "perhaps"`},
		"another verdict":     {func(r *Record) { r.Verdict = check.Rejected }, "does not agree with its own report in verdict"},
		"another identity":    {func(r *Record) { r.Identity = "" }, "does not agree with its own report in verdict, identity"},
		"another image":       {func(r *Record) { r.Images[0].Digest = id("x", 1) }, "does not agree with its own report in image 1"},
		"an image too few":    {func(r *Record) { r.Images = nil }, "number of images"},
		"no report":           {func(r *Record) { r.Report = nil }, "its report cannot be read"},
		"another document":    {func(r *Record) { r.Report = []byte(`{"schema":"gapseal.inspect/v1"}`) }, "the report's schema"},
		"two documents":       {func(r *Record) { r.Report = append(r.Report, "{}"...) }, "its report cannot be read"},
		"a report not UTF-8":  {func(r *Record) { r.Report = append(r.Report, 0xff) }, "not UTF-8"},
		"a seal of nothing":   {func(r *Record) { r.Seal.Stream = "" }, "its seal lacks"},
		"a report too large":  {func(r *Record) { r.Report = make([]byte, MaxReport+1) }, "exceeds the budget of 67108864"},
		"a name not in UTF-8": {func(r *Record) { r.TransferID = "\xff" }, "UTF-8"},
	} {
		r, rec := folder(t, nil), sample(1)
		c.change(&rec)
		if _, err := r.Append(t.Context(), rec); err == nil || !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", name, err, c.err)
		}
		if numbers, err := r.Numbers(); err != nil || len(numbers) > 0 {
			t.Errorf("%s: wrote %v, %v", name, numbers, err)
		}
	}
}

// A folder with other files does not become a register by mistake.
func TestAFolderOfOtherFilesIsNotARegister(t *testing.T) {
	r := folder(t, nil)
	write(t, r, "thesis.txt", "")
	if _, err := r.Append(t.Context(), sample(1)); err == nil || !strings.Contains(err.Error(), `"thesis.txt"`) {
		t.Errorf("Append: %v", err)
	}
	if _, err := Open(filepath.Join(r.dir, "missing")); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "mkdir") {
		t.Errorf("Open of a missing folder: %v", err)
	}
	if _, err := Open(filepath.Join(r.dir, "thesis.txt")); !errors.Is(err, ErrNoFolder) {
		t.Errorf("Open of a file: %v", err)
	}
}

func write(t *testing.T, r *Register, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
