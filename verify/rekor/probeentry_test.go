package rekor_test

import (
	"slices"
	"testing"

	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/rekor"
)

// probeEntry is a log entry in a probe.
type probeEntry struct {
	LogIndex       int64       `json:"logIndex"`
	LogID          []byte      `json:"logId"`
	Kind           string      `json:"kind"`
	Version        string      `json:"version"`
	IntegratedTime int64       `json:"integratedTime"`
	SET            []byte      `json:"set"`
	Body           []byte      `json:"body"`
	Proof          *probeProof `json:"proof"`
}

type probeProof struct {
	LogIndex   int64    `json:"logIndex"`
	TreeSize   int64    `json:"treeSize"`
	RootHash   []byte   `json:"rootHash"`
	Hashes     [][]byte `json:"hashes"`
	Checkpoint string   `json:"checkpoint"`
}

type probeEnvelope struct {
	Raw         []byte `json:"raw"`
	PayloadType string `json:"payloadType"`
	Payload     []byte `json:"payload"`
	Signature   []byte `json:"signature"`
}

func (e *probeEnvelope) read() *dsse.Envelope {
	if e == nil {
		return nil
	}
	return &dsse.Envelope{Raw: e.Raw, PayloadType: e.PayloadType, Payload: e.Payload, Signature: e.Signature}
}

func (e *probeEntry) read() *rekor.LogEntry {
	out := &rekor.LogEntry{
		LogIndex: e.LogIndex, LogID: e.LogID, Kind: e.Kind, Version: e.Version,
		IntegratedTime: e.IntegratedTime, SET: e.SET, Body: e.Body,
	}
	if p := e.Proof; p != nil {
		out.Proof = &rekor.Proof{LogIndex: p.LogIndex, TreeSize: p.TreeSize, RootHash: p.RootHash, Hashes: p.Hashes,
			Checkpoint: p.Checkpoint}
	}
	return out
}

// askEntry runs the checks on a log entry.
func (p probe) askEntry(t *testing.T) map[string]string {
	failed := asked{}
	e := p.Entry.read()
	all := []*rekor.LogEntry{e}
	for _, more := range p.More {
		all = append(all, more.read())
	}
	failed.note("entries", rekor.CheckEntries(all))
	failed.note("log-entry", e.Check())
	if b := e.Bundle(); b != nil {
		p.askSET(t, failed, b)
	}
	if e.Proof != nil {
		p.askProof(t, failed, e)
	}
	entry, err := e.ParseBody()
	if failed.note("entry", err) {
		p.askBody(t, failed, entry)
	}
	return failed
}

func (p probe) askProof(t *testing.T, failed asked, e *rekor.LogEntry) {
	failed.note("proof", e.Proof.Verify(e.Body))
	key := rekor.CheckpointKey{Name: p.LogName, Public: publicKey(t, p.LogKey)}
	c, err := rekor.VerifyCheckpoint(e.Proof.Checkpoint, []rekor.CheckpointKey{key})
	if !failed.note("checkpoint", err) {
		return
	}
	failed.note("checkpoint-log", c.BindLog(e.LogID))
	failed.note("tree", e.Proof.BindCheckpoint(c))
	if !slices.Equal(c.Unknown, p.WantUnknown) {
		t.Errorf("unknown signatures %q, want %q", c.Unknown, p.WantUnknown)
	}
}
