package evidence

import (
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
)

// readEntries reads the log entries. Version 0.1 demands a SET of each, the
// later ones an inclusion proof with a checkpoint. Whether an entry is whole
// otherwise is for [rekor.LogEntry.Check] to say.
func (b *Bundle) readEntries(pb *bundlepb.Bundle) (faults []*check.Fault) {
	for i, t := range pb.GetVerificationMaterial().GetTlogEntries() {
		e := newEntry(t)
		b.Entries = append(b.Entries, e)
		if lacks := b.entryLacks(e); lacks != "" {
			faults = append(faults, fault(check.RekorEncoding, "log entry %d of the Sigstore bundle of version %s %s", i, b.Version, lacks))
		}
	}
	return faults
}

func (b *Bundle) entryLacks(e *rekor.LogEntry) string {
	switch {
	case b.Version == "0.1" && e.SET == nil:
		return "has no signed entry timestamp"
	case b.Version != "0.1" && e.Proof == nil:
		return "has no inclusion proof"
	case b.Version != "0.1" && e.Proof.Checkpoint == "":
		return "has no checkpoint in its inclusion proof"
	case e.IntegratedTime != 0 && e.SET == nil:
		return "names a time, and has no signed entry timestamp to vouch for it"
	}
	return ""
}

func newEntry(t *rekorpb.TransparencyLogEntry) *rekor.LogEntry {
	e := &rekor.LogEntry{
		LogIndex:       t.GetLogIndex(),
		LogID:          t.GetLogId().GetKeyId(),
		Kind:           t.GetKindVersion().GetKind(),
		Version:        t.GetKindVersion().GetVersion(),
		IntegratedTime: t.GetIntegratedTime(),
		Body:           t.GetCanonicalizedBody(),
	}
	if set := t.GetInclusionPromise().GetSignedEntryTimestamp(); len(set) > 0 {
		e.SET = set
	}
	if p := t.GetInclusionProof(); p != nil {
		e.Proof = &rekor.Proof{
			LogIndex:   p.GetLogIndex(),
			TreeSize:   p.GetTreeSize(),
			RootHash:   p.GetRootHash(),
			Hashes:     p.GetHashes(),
			Checkpoint: p.GetCheckpoint().GetEnvelope(),
		}
	}
	return e
}

// readRekor reads the Rekor bundle of the first generation. It does not name
// the kind of its entry, which is therefore taken from the body.
func (e *Evidence) readRekor(value string) {
	e.Rekor = []byte(value)
	b, err := rekor.ParseBundle(e.Rekor)
	if err != nil {
		e.problem(rekorFault(check.RekorEncoding, err))
		return
	}
	if !Written(e.Rekor) {
		e.problem(fault(check.RekorEncoding, "the Rekor bundle %s", notWritten))
	}
	if err := b.CheckLogID(); err != nil {
		e.problem(rekorFault(check.RekorLogID, err))
		return
	}
	entry := &rekor.LogEntry{LogIndex: b.LogIndex, LogID: decodeHex(b.LogID), IntegratedTime: b.IntegratedTime, SET: b.SET, Body: b.Body}
	if body, err := rekor.ParseEntry(b.Body); err == nil { // otherwise ParseBody says so
		entry.Kind, entry.Version = body.Kind, body.APIVersion
	}
	e.Entries = append(e.Entries, entry)
}
