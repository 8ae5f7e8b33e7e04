package register

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

// A head of any size stays true of a register that only grows.
func TestHeadOfEverySize(t *testing.T) {
	files := chain(t, few, nil)
	for n := 0; n <= few; n++ {
		demand(t, fmt.Sprint("head of ", n), judge(t, files, headOf(t, files[:n])))
	}
}

func TestEveryTruncation(t *testing.T) {
	files := chain(t, few, nil)
	for size := 1; size <= few; size++ {
		head := headOf(t, files[:size])
		for n := range size {
			demand(t, fmt.Sprint(n), judge(t, files[:n]))
			demand(t, fmt.Sprintf("%d left of %d", n, size), judge(t, files[:n], head), int64(n+1))
		}
	}
}

// A register that was rewritten from any entry on, to any length, contradicts the
// heads that pin one of those entries, and no other head.
func TestEveryRewrite(t *testing.T) {
	files := chain(t, few, nil)
	for from := range few {
		for length := from + 1; length <= few+2; length++ {
			again := extend(t, files[:from], int64(length), func(e *Entry) { e.ToolVersion = "forged" })
			demand(t, "without a head", judge(t, again))
			for size := 0; size <= few; size++ {
				res := judge(t, again, headOf(t, files[:size]))
				what := fmt.Sprintf("from %d to %d, head of %d", from+1, length, size)
				switch {
				case size <= from:
					demand(t, what, res)
				case size > length:
					demand(t, what, res, int64(length+1))
				default:
					demand(t, what, res, 0)
				}
			}
		}
	}
}

// Both digests of a head must be those of the register.
func TestBothDigestsOfAHeadMustMatch(t *testing.T) {
	files := chain(t, few, nil)
	for name, change := range map[string]func(*Head){
		"root": func(h *Head) { h.Root = id("x", 1) },
		"last": func(h *Head) { h.LastEntry = id("x", 1) },
	} {
		h := headOf(t, files)
		change(&h)
		demand(t, name, judge(t, files, h), 0)
	}
}

func TestTreeIsThatOfTlog(t *testing.T) {
	var (
		tr     tree
		stored []tlog.Hash
	)
	reader := tlog.HashReaderFunc(func(at []int64) (list []tlog.Hash, _ error) {
		for _, i := range at {
			list = append(list, stored[i])
		}
		return list, nil
	})
	for n := range int64(130) {
		want, err := tlog.TreeHash(n, reader)
		if err != nil || tr.root() != want {
			t.Fatalf("root of %d: %v, want %v, %v", n, tr.root(), want, err)
		}
		leaf := fmt.Append(nil, "entry ", n)
		hashes, err := tlog.StoredHashes(n, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
		tr.add(tlog.RecordHash(leaf))
	}
}

func TestSignedHead(t *testing.T) {
	r := folder(t, chain(t, few, nil))
	h, err := r.Head(t.Context(), start)
	if err != nil {
		t.Fatal(err)
	}
	s := signer(t)
	envelope, err := h.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	got, by, err := OpenHead(envelope, []*trust.Key{signer(t).Public(), s.Public()})
	if err != nil || got != h || by.Fingerprint() != s.Public().Fingerprint() {
		t.Errorf("OpenHead: %v, %v, want %v", got, err, h)
	}
	var keyErr *dsse.KeyError
	if _, _, err := OpenHead(envelope, []*trust.Key{signer(t).Public()}); !errors.As(err, &keyErr) {
		t.Errorf("another key: %v", err)
	}
}

func TestOpenHeadRefuses(t *testing.T) {
	h, s := headOf(t, chain(t, 2, nil)), signer(t)
	good, err := dsse.Canonical(h)
	if err != nil {
		t.Fatal(err)
	}
	edit := func(old, new string) string { return strings.Replace(string(good), old, new, 1) }
	for name, payload := range map[string]string{
		"other schema":   edit(HeadSchema, ExportSchema),
		"negative size":  edit(`"size":2`, `"size":-2`),
		"unknown member": edit(`"size":2`, `"extra":1,"size":2`),
		"spelling":       edit(`"size":2`, `"size": 2`),
		"half seconds":   edit("00Z", "00.5Z"),
		"another zone":   edit("00Z", "00+00:00"),
		"not an object":  "[]",
	} {
		if payload == string(good) {
			t.Fatalf("%s: nothing was edited in %s", name, good)
		}
		envelope, err := dsse.Sign(HeadPayloadType, []byte(payload), s)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := OpenHead(envelope, []*trust.Key{s.Public()}); err == nil || !strings.HasPrefix(err.Error(), "the head in the envelope: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	envelope, err := dsse.Sign("application/vnd.gapseal.seal.v1+json", good, s)
	if err != nil {
		t.Fatal(err)
	}
	var other *dsse.TypeError
	if _, _, err := OpenHead(envelope, []*trust.Key{s.Public()}); !errors.As(err, &other) {
		t.Errorf("another payload type: %v", err)
	}
}

// A head vouches for a register, so a damaged register gets none.
func TestNoHeadOfADamagedRegister(t *testing.T) {
	files := chain(t, few, nil)
	r := folder(t, append(slices.Clone(files[:2]), files[3]))
	var damaged *DamagedError
	if _, err := r.Head(t.Context(), start); !errors.As(err, &damaged) || damaged.First.Number != 3 {
		t.Errorf("Head: %v", err)
	}
}
