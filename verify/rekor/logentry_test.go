package rekor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/rekor"
)

func probeLogEntry(t *testing.T, name string) *rekor.LogEntry {
	t.Helper()
	p, ok := readProbes(t)[name]
	if !ok || p.Entry == nil {
		t.Fatalf("no log entry in probe %s", name)
	}
	return p.Entry.read()
}

// tree is a log of n records, its leaves and all hashes above them.
type tree struct {
	hashes []tlog.Hash
	n      int64
}

func (s *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = s.hashes[x]
	}
	return out, nil
}

func record(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

func newTree(t *testing.T, size int64) *tree {
	t.Helper()
	s := &tree{n: size}
	for n := range size {
		h, err := tlog.StoredHashes(n, record(n), s)
		if err != nil {
			t.Fatal(err)
		}
		s.hashes = append(s.hashes, h...)
	}
	return s
}

func (s *tree) prove(t *testing.T, size, index int64) *rekor.Proof {
	t.Helper()
	root, err := tlog.TreeHash(size, s)
	if err != nil {
		t.Fatal(err)
	}
	path, err := tlog.ProveRecord(size, index, s)
	if err != nil {
		t.Fatal(err)
	}
	p := &rekor.Proof{LogIndex: index, TreeSize: size, RootHash: root[:]}
	for _, h := range path {
		p.Hashes = append(p.Hashes, h[:])
	}
	return p
}

// Each proof of each leaf in each tree up to some size is valid, but not for
// another record, nor at another index within the tree.
func TestProofOfEveryLeaf(t *testing.T) {
	const most = 34
	s := newTree(t, most)
	for size := int64(1); size <= most; size++ {
		for index := range size {
			p := s.prove(t, size, index)
			if err := p.Verify(record(index)); err != nil {
				t.Fatalf("leaf %d of %d: %v", index, size, err)
			}
			if err := p.Verify(record(index + 1)); !errors.Is(err, rekor.ErrProof) {
				t.Fatalf("leaf %d of %d: another record: got %v, want ErrProof", index, size, err)
			}
			for other := range size {
				if p.LogIndex = other; other != index && p.Verify(record(index)) == nil {
					t.Fatalf("leaf %d of %d passes as %d", index, size, other)
				}
			}
		}
	}
}

// Package tlog does not terminate for the largest size that an int64 can hold.
func TestProofOfAHugeTree(t *testing.T) {
	const most = rekor.MaxTreeSize
	p := &rekor.Proof{LogIndex: most - 1, TreeSize: most, RootHash: make([]byte, 32)}
	for range 52 {
		p.Hashes = append(p.Hashes, make([]byte, 32))
	}
	if err := p.Verify(nil); !errors.Is(err, rekor.ErrProof) {
		t.Errorf("got %v, want ErrProof", err)
	}
	p.LogIndex = 0
	wantFormat(t, p.Verify(nil), "inclusion proof: hashes", "want 53 for leaf 0 of 9007199254740991, found 52")
	for _, size := range []int64{most + 1, 1<<62 + 1, 1<<63 - 1} {
		p.TreeSize = size
		wantFormat(t, p.Verify(nil), "inclusion proof: treeSize", "want at most 9007199254740991")
	}
}

func TestLogEntryBudgets(t *testing.T) {
	e := probeLogEntry(t, "ok-entry-v2")
	e.Body = make([]byte, rekor.MaxBody+1)
	wantTooLarge(t, e.Check(), "log entry: bytes")
	e.Body = e.Body[1:]
	if err := e.Check(); err != nil {
		t.Errorf("a body within the budget: %v", err)
	}
	e.Proof.Hashes = make([][]byte, 1_000_000)
	wantTooLarge(t, e.Proof.Verify(e.Body), "inclusion proof: hashes")
	_, err := rekor.VerifyCheckpoint(strings.Repeat("x", rekor.MaxCheckpoint+1), nil)
	wantTooLarge(t, err, "checkpoint: bytes")
	_, err = rekor.VerifyCheckpoint(strings.Repeat("x", rekor.MaxCheckpoint), nil)
	wantFormat(t, err, "checkpoint", "want a signed note: malformed note")
	text := &dsse.Envelope{Raw: make([]byte, rekor.MaxEnvelope+1)}
	entry := &rekor.Entry{Kind: "intoto", APIVersion: "0.0.1", EnvelopeHash: "00"}
	wantTooLarge(t, entry.BindEnvelope(text), "envelope: bytes")
	wantTooLarge(t, entry.BindEnvelopeSignature(text), "envelope: bytes")
}

func TestEntriesBudget(t *testing.T) {
	var all []*rekor.LogEntry
	for i := range rekor.MaxEntries {
		all = append(all, &rekor.LogEntry{LogIndex: int64(i), LogID: []byte{byte(i % 3)}, Body: record(int64(i))})
	}
	if err := rekor.CheckEntries(all); err != nil {
		t.Errorf("32 entries: %v", err)
	}
	wantTooLarge(t, rekor.CheckEntries(append(all, &rekor.LogEntry{LogIndex: 99})), "log entries")
	if err := rekor.CheckEntries(nil); err != nil {
		t.Errorf("no entries: %v", err)
	}
	all[30].Body = all[0].Body
	var duplicate *rekor.DuplicateError
	if err := rekor.CheckEntries(all); !errors.As(err, &duplicate) ||
		*duplicate != (rekor.DuplicateError{What: "body", First: 0, Second: 30}) {
		t.Errorf("got %v, want the bodies of 0 and 30", err)
	}
	if want := "log entries 0 and 30 have the same body, want each entry once"; duplicate.Error() != want {
		t.Errorf("got %q, want %q", duplicate, want)
	}
}

func TestLogEntrySaysWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name, what, reason string
		change             func(*rekor.LogEntry)
	}{
		{"ok-entry-v2", "integratedTime", "want none: Rekor v2 gives no time, and nothing vouches for 7",
			func(e *rekor.LogEntry) { e.IntegratedTime = 7 }},
		{"ok-v2-dsse", "integratedTime", "want none", func(e *rekor.LogEntry) { e.IntegratedTime = -1 }},
		{"ok-entry-v2", "signedEntryTimestamp", "want none", func(e *rekor.LogEntry) { e.SET = []byte{} }},
		{"ok-entry-v2", "inclusionProof", "want one", func(e *rekor.LogEntry) { e.Proof = nil }},
		{"ok-entry-v2", "logId", "want 32 bytes, found 0", func(e *rekor.LogEntry) { e.LogID = nil }},
		{"ok-entry-v2", "logIndex", "found 9007199254740992", func(e *rekor.LogEntry) { e.LogIndex = 1 << 53 }},
		{"ok-entry-dsse", "log entry", "found neither", func(e *rekor.LogEntry) { e.SET, e.Proof = nil, nil }},
		{"ok-entry-dsse", "integratedTime", "from 1 to", func(e *rekor.LogEntry) { e.IntegratedTime = 0 }},
		{"ok-entry-v1-no-set", "integratedTime", "from 0 to", func(e *rekor.LogEntry) { e.IntegratedTime = 1 << 53 }},
		{"ok-intoto-2", "integratedTime", "from 1 to", func(e *rekor.LogEntry) { e.IntegratedTime = 0 }},
	} {
		e := probeLogEntry(t, test.name)
		test.change(e)
		wantFormat(t, e.Check(), test.what, test.reason)
	}
	if b := probeLogEntry(t, "ok-entry-v2").Bundle(); b != nil {
		t.Errorf("Rekor v2 has no Rekor bundle: %+v", b)
	}
}

func TestCheckpointLogKeys(t *testing.T) {
	p := readProbes(t)["ok-entry-dsse-certificate"]
	text, good := p.Entry.Proof.Checkpoint, rekor.CheckpointKey{Public: publicKey(t, p.LogKey)}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, bad := range map[string]any{"none": nil, "RSA": &private.PublicKey,
		"nil ECDSA": (*ecdsa.PublicKey)(nil)} {
		if _, err := rekor.VerifyCheckpoint(text, []rekor.CheckpointKey{good, {Public: bad}}); !errors.Is(err,
			rekor.ErrLogKey) {
			t.Errorf("%s: got %v, want ErrLogKey", name, err)
		}
	}
	if _, err := rekor.VerifyCheckpoint(text, nil); !errors.Is(err, rekor.ErrUnsigned) {
		t.Errorf("no logs: got %v, want ErrUnsigned", err)
	}
	// A curve without a name in X.509 has no key id, so it cannot have signed.
	odd := *elliptic.P256().Params()
	odd.Name = "odd"
	point := *good.Public.(*ecdsa.PublicKey)
	point.Curve = &odd
	if _, err := rekor.VerifyCheckpoint(text, []rekor.CheckpointKey{{Public: &point}}); !errors.Is(err,
		rekor.ErrUnsigned) {
		t.Errorf("a curve without a name: got %v, want ErrUnsigned", err)
	}
}

// Two known logs sign one checkpoint.
func TestCheckpointOfTwoLogs(t *testing.T) {
	all := readProbes(t)
	p := all["checkpoint-witness-v1"]
	first := rekor.CheckpointKey{Public: publicKey(t, p.LogKey)}
	second := rekor.CheckpointKey{Public: publicKey(t, all["ok-entry-v2-own-log"].LogKey)}
	c, err := rekor.VerifyCheckpoint(p.Entry.Proof.Checkpoint, []rekor.CheckpointKey{second, first})
	if err != nil || len(c.LogIDs) != 1 || c.BindLog(p.Entry.LogID) != nil {
		t.Fatalf("got %+v, %v", c, err)
	}
	var mismatch *rekor.MismatchError
	if err := c.BindLog(all["ok-entry-v2-own-log"].Entry.LogID); !errors.As(err, &mismatch) ||
		mismatch.What != "log id" || mismatch.Expected != fmt.Sprintf("%x", p.Entry.LogID) {
		t.Errorf("got %v, want a mismatch with the log id %x", err, p.Entry.LogID)
	}
}

func TestCertificateAgainstAKey(t *testing.T) {
	p := readProbes(t)["entry-v2-certificate"]
	e, err := p.Entry.read().ParseBody()
	if err != nil {
		t.Fatal(err)
	}
	var mismatch *rekor.MismatchError
	err = e.BindCertificate(decodePEM(t, p.Certificate))
	if !errors.As(err, &mismatch) || mismatch.What != "certificate" || !strings.HasPrefix(mismatch.Found,
		"none, but a public key sha256:") {
		t.Errorf("got %v, want a mismatch that names the key", err)
	}
}

func TestKindThatRecordsSomethingElseIsNamed(t *testing.T) {
	e := &rekor.Entry{Kind: "dsse", APIVersion: "0.0.1"}
	for err, want := range maps.All(map[error]string{
		e.BindPayload(nil): `log entry of kind "dsse" version "0.0.1" cannot be compared with a signature of a message`,
		(&rekor.Entry{Kind: "hashedrekord", APIVersion: "0.0.1"}).BindEnvelope(&dsse.Envelope{}): `log entry of kind "hashedrekord" version "0.0.1" cannot be compared with an envelope`,
		(&rekor.Entry{}).BindPayload(nil): `log entry of kind "" version "" cannot be compared with a signature of a message`,
	}) {
		var unsupported *rekor.UnsupportedError
		if !errors.As(err, &unsupported) || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
