package register

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
)

var start = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// sample returns the n-th verification of a test. Every third one is a rejection.
func sample(n int64) Record {
	verdict := check.Verified
	if n%3 == 0 {
		verdict = check.Rejected
	}
	name, logged := "registry.example.com/acme/app:v1", start.Add(time.Duration(n)*time.Hour)
	return Record{
		RecordedAt: start.Add(time.Duration(n) * time.Minute), Verdict: verdict, Identity: id("bundle", n), TransferID: fmt.Sprint("T-", n),
		Images:      []Image{{[]string{name}, id("image", n), &logged}},
		Seal:        &Seal{id("key", 0), "site-a", uint64(n), id("inventory", n)},
		ToolVersion: "v1", Report: reportOf(verdict, id("bundle", n), id("image", n)),
	}
}

func id(what string, n int64) string { return digestOf(fmt.Appendf(nil, "%s %d", what, n)) }

// reportOf returns a report with the members that every report has.
func reportOf(verdict check.Verdict, identity, image string) []byte {
	failures := ""
	if verdict == check.Rejected {
		failures = `{"id": "blob.digest", "status": "fail"}`
	}
	return fmt.Appendf(nil, `{
  "schema": "gapseal.report/v1",
  "verdict": %q,
  "verifiedAt": "2026-11-23T09:00:00Z",
  "bundle": {"identity": %q},
  "images": [{"digest": %q}],
  "failures": [%s]
}
`, verdict, identity, image, failures)
}

// chain returns the files of n entries. change may alter an entry before it is
// hashed.
func chain(t testing.TB, n int64, change func(*Entry)) [][]byte {
	t.Helper()
	return extend(t, nil, n, change)
}

// extend adds entries to files, up to entry n.
func extend(t testing.TB, files [][]byte, n int64, change func(*Entry)) [][]byte {
	t.Helper()
	files = slices.Clone(files)
	for i := int64(len(files)) + 1; i <= n; i++ {
		previous := nothing
		if i > 1 {
			previous = digestOf(files[i-2])
		}
		rec := sample(i)
		e := rec.entry(i, previous)
		e.Report = string(rec.Report)
		if change != nil {
			change(e)
		}
		files = append(files, encoded(t, e))
	}
	return files
}

func encoded(t testing.TB, e *Entry) []byte {
	t.Helper()
	raw, err := encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// rewritten returns a file whose entry was changed, with the digest corrected.
func rewritten(t testing.TB, raw []byte, change func(*Entry)) []byte {
	t.Helper()
	e, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	change(e)
	return encoded(t, e)
}

// judge checks files as if they were in a folder. A nil file is missing.
func judge(t testing.TB, files [][]byte, heads ...Head) *Result {
	t.Helper()
	c := newChecker(heads, func(*Entry) error { return nil })
	for i, raw := range files {
		if raw == nil {
			continue
		}
		if err := c.place(int64(i+1), raw); err != nil {
			t.Fatal(err)
		}
	}
	return c.end()
}

// demand checks that there are faults of exactly these entries, in this order.
func demand(t testing.TB, what string, res *Result, want ...int64) {
	t.Helper()
	got := []int64{}
	for _, f := range res.Faults {
		got = append(got, f.Number)
	}
	if !slices.Equal(got, append([]int64{}, want...)) || res.Faulty != len(want) {
		t.Errorf("%s: faults of %v, want %v: %v", what, got, want, res.Faults)
	}
}

// headOf returns the head over files.
func headOf(t testing.TB, files [][]byte) Head {
	t.Helper()
	res := judge(t, files)
	demand(t, "what the head pins", res)
	return Head{HeadSchema, res.Entries, res.Root, res.LastEntry, start}
}

// folder writes files into a folder of their own.
func folder(t testing.TB, files [][]byte) *Register {
	t.Helper()
	dir := t.TempDir()
	for i, raw := range files {
		if raw == nil {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, fileName(int64(i+1))), raw, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func signer(t testing.TB) *dsse.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dsse.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// with returns files with one of them replaced, or removed by nil.
func with(files [][]byte, number int64, raw []byte) [][]byte {
	files = slices.Clone(files)
	files[number-1] = bytes.Clone(raw)
	return files
}
