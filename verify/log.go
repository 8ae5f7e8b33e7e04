package verify

import (
	"cmp"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
)

// logged is one log entry that came with a signature. What was found of it is
// noted here, since the checks in the report speak of all entries together.
type logged struct {
	*rekor.LogEntry
	body   *rekor.Entry // nil if it cannot be read
	bound  bool         // it is about this very signature
	signed bool         // a trusted log signed its SET, and so its time
	proven bool         // a trusted log's checkpoint vouches for its proof
	log    *trust.Log   // nil if it is not trusted
}

func (l *logged) id() string { return hex.EncodeToString(l.LogID) }

// readEntries parses the log entries. Every one that came must be good: a
// waiver excuses absence only.
func (j *judgement) readEntries() {
	if len(j.sig.Entries) == 0 {
		if j.sig.Rekor == nil && !j.rec.has(check.RekorEncoding, check.Fail) {
			j.noEntry()
		} else {
			j.pass(check.RekorPresent, "") // it came, and cannot be read
		}
		return
	}
	j.pass(check.RekorPresent, "")
	if err := rekor.CheckEntries(j.sig.Entries); err != nil {
		j.fault(check.Fault{ID: rekorID(err, check.RekorDuplicate), Detail: err.Error()})
		return
	}
	for _, e := range j.sig.Entries {
		j.entries = append(j.entries, j.readEntry(e))
	}
	if !j.rec.has(check.RekorEncoding, check.Fail) {
		j.pass(check.RekorEncoding, "")
	}
}

func (j *judgement) readEntry(e *rekor.LogEntry) *logged {
	l := &logged{LogEntry: e}
	if err := e.Check(); err != nil {
		j.fault(check.Fault{ID: rekorID(err, check.RekorEncoding), Detail: err.Error()})
	}
	body, err := e.ParseBody()
	if err == nil && j.sig.Form == check.FormSimpleSigning && (body.Kind != "hashedrekord" || body.APIVersion != "0.0.1") {
		err = &rekor.UnsupportedError{Kind: body.Kind, APIVersion: body.APIVersion, For: "a signature of cosign's first generation"}
	}
	if err != nil {
		j.fault(check.Fault{ID: rekorID(err, check.RekorEncoding), Detail: err.Error()})
		return l
	}
	l.body = body
	j.passOnce(check.RekorKind)
	return l
}

// noEntry judges a signature that nobody logged.
func (j *judgement) noEntry() {
	if j.s.opt.IgnoreTlog && !j.d.RequireInclusion {
		j.fault(check.Fault{ID: check.RekorPresent, Detail: "no log entry came with the signature; waived", Warn: true})
		return
	}
	j.fault(check.Fault{ID: check.RekorPresent, Detail: "no log entry came with the signature", Expected: "a log entry with a signed entry timestamp or an inclusion proof", Found: "none"})
}

// rekorID maps an error of package rekor to the check it answers.
func rekorID(err error, otherwise check.ID) check.ID {
	var unsupported *rekor.UnsupportedError
	switch {
	case errors.Is(err, check.ErrTooLarge):
		return check.LimitEntry
	case errors.As(err, &unsupported):
		return check.RekorKind
	}
	return otherwise
}

// bindEntry checks that an entry is about this message, this signature and the
// key or certificate that made it. A valid entry about something else proves
// nothing.
func (j *judgement) bindEntry(l *logged) {
	if l.body == nil {
		return
	}
	message, signature := j.bindings(l.body)
	l.bound = j.answer(check.RekorPayload, message)
	if j.sig.Signature == nil {
		j.skip(check.RekorSignature, "the signature cannot be decoded")
		l.bound = false
	} else {
		l.bound = j.answer(check.RekorSignature, signature) && l.bound
	}
	switch {
	case j.leaf != nil:
		l.bound = j.answer(check.RekorKey, l.body.BindCertificate(j.sig.Cert)) && l.bound
	case j.signer != nil:
		l.bound = j.answer(check.RekorKey, l.body.BindKey(j.signer.Public)) && l.bound
	default:
		j.skip(check.RekorKey, "no key at hand made this signature")
		l.bound = false
	}
}

// bindings asks an entry about the message and the signature, as their form
// wants it.
func (j *judgement) bindings(body *rekor.Entry) (message, signature error) {
	if env := j.sig.Envelope; env != nil {
		return body.BindEnvelope(env), body.BindEnvelopeSignature(env)
	}
	return body.BindPayload(j.sig.Message), body.BindSignature(j.sig.Signature)
}

// answer records what a question of package rekor came to.
func (j *judgement) answer(id check.ID, err error) bool {
	if err == nil {
		j.passOnce(id)
		return true
	}
	f := check.Fault{ID: rekorID(err, id), Detail: err.Error()}
	if m := (*rekor.MismatchError)(nil); errors.As(err, &m) {
		f.Detail, f.Expected, f.Found = "the log entry has another "+m.What, m.Expected, m.Found
	}
	j.fault(f)
	return false
}

// log checks the log's own word for an entry: the signed entry timestamp, and
// the inclusion proof with its checkpoint, each where it is present.
func (j *judgement) log(l *logged) {
	if len(l.LogID) == 0 {
		return // told as an encoding
	}
	if l.log = j.trustedLog(l.id()); l.log == nil {
		j.unknownLog(l)
		return
	}
	j.passOnce(check.TrustLog)
	j.passOnce(check.RekorLogID)
	if b := l.Bundle(); b != nil {
		j.set(l, b)
	}
	j.inclusion(l)
}

func (j *judgement) set(l *logged, b *rekor.Bundle) {
	if err := rekor.VerifySET(b, l.log.Key.Public); err != nil {
		j.fault(check.Fault{ID: check.RekorSET, Detail: err.Error(), Expected: "signed by " + logName(l.log), Found: "log id " + l.id()})
		return
	}
	l.signed = true
	j.passOnce(check.RekorSET)
}

// inclusion checks the proof even where a SET would suffice: what is present
// must be right.
func (j *judgement) inclusion(l *logged) {
	if l.Proof == nil {
		if j.d.RequireInclusion {
			j.fault(check.Fault{ID: check.RekorInclusion, Detail: "an inclusion proof was demanded, and the log entry has none", Expected: "an inclusion proof", Found: "none"})
		}
		return
	}
	included := j.answer(check.RekorInclusion, l.Proof.Verify(l.Body))
	key := rekor.CheckpointKey{Public: l.log.Key.Public}
	if l.log.Source == trust.SourceBuiltin || l.Bundle() == nil {
		key.Name = l.log.Name // a log of Rekor v1 may sign by a name that its URL does not tell
	}
	c, err := rekor.VerifyCheckpoint(l.Proof.Checkpoint, []rekor.CheckpointKey{key})
	if err == nil {
		err = cmp.Or(l.Proof.BindCheckpoint(c), c.BindLog(l.LogID))
	}
	l.proven = j.answer(check.RekorCheckpoint, err) && included
	if err == nil && len(c.Unknown) > 0 {
		j.fault(check.Fault{ID: check.RekorWitness, Detail: "the checkpoint bears signatures of witnesses that nobody asked about", Found: strings.Join(c.Unknown, ", "), Warn: true})
	}
}

func (j *judgement) trustedLog(id string) *trust.Log {
	for i := range j.s.opt.Logs {
		if l := &j.s.opt.Logs[i]; l.ID == id {
			return l
		}
	}
	return nil
}

// unknownLog tells a log id that was changed from a log that is not trusted.
func (j *judgement) unknownLog(entry *logged) {
	if b := entry.Bundle(); b != nil {
		for i := range j.s.opt.Logs {
			l := &j.s.opt.Logs[i]
			as := *b
			as.LogID = l.ID
			if rekor.VerifySET(&as, l.Key.Public) == nil || rekor.VerifySET(b, l.Key.Public) == nil {
				j.fault(check.Fault{ID: check.RekorLogID, Detail: "the entry was signed by a trusted log, under another log id", Expected: l.ID, Found: b.LogID})
				return
			}
		}
	}
	known := map[string]bool{}
	for _, l := range j.s.opt.Logs {
		known[logName(&l)] = true
	}
	j.fault(check.Fault{ID: check.TrustLog, Detail: "the entry is of a log that is not trusted; a trusted root may be older than the signature", Expected: strings.Join(sortedKeys(known), ", "), Found: "log id " + entry.id()})
	j.skip(check.RekorSET, "the log's key is not at hand")
}
