package verify

import (
	"cmp"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
)

func (l *logged) id() string { return hex.EncodeToString(l.LogID) }

// readEntries parses the log entries. Each of a trusted log must be good: a waiver
// only excuses that none came. Beside one of a trusted log, or if no log could be
// asked or none need be, an entry of another log does not count and is not judged.
func (j *judgement) readEntries() {
	if len(j.sig.Entries) == 0 {
		if j.sig.Rekor == nil && !j.rec.has(check.RekorEncoding, check.Fail) {
			j.noEntry()
		} else {
			j.pass(check.RekorPresent, "") // there is one, although it cannot be read
		}
		return
	}
	if err := rekor.CheckEntries(j.sig.Entries); err != nil {
		j.pass(check.RekorPresent, "")
		j.fault(check.Fault{ID: rekorID(err, check.RekorDuplicate), Detail: err.Error()})
		return
	}
	anyTrusted := slices.ContainsFunc(j.sig.Entries, j.domain.logged)
	for _, e := range j.sig.Entries {
		aside := anyTrusted || j.hasNoLog() || j.d.LogOptional
		if aside && len(e.LogID) > 0 && !j.domain.logged(e) {
			j.note(check.Fault{ID: check.TrustLog, Found: "log id " + hex.EncodeToString(e.LogID),
				Detail: "does not count: the entry is of a log that is not trusted"})
			continue
		}
		j.entries = append(j.entries, j.readEntry(e))
	}
	if len(j.entries) == 0 {
		j.noEntry() // those set aside are as if they had not come
		return
	}
	j.pass(check.RekorPresent, "")
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
	firstGeneration := err == nil && body.Kind == "hashedrekord" && body.APIVersion == "0.0.1"
	if err == nil && j.sig.Form == check.FormSimpleSigning && !firstGeneration {
		err = &rekor.UnsupportedError{Kind: body.Kind, APIVersion: body.APIVersion,
			For: "a signature of cosign's first generation"}
	}
	if err != nil {
		j.fault(check.Fault{ID: rekorID(err, check.RekorEncoding), Detail: err.Error()})
		return l
	}
	l.body = body
	j.passOnce(check.RekorKind)
	return l
}

// noEntry judges a signature without a log entry.
func (j *judgement) noEntry() {
	switch {
	case j.d.RequireInclusion:
	case j.hasNoLog():
		j.skip(check.RekorPresent, "the trusted root that issued the certificate lists no log, so none can be asked")
		return
	case j.s.opt.IgnoreTlog || j.s.opt.LogOptional:
		j.fault(check.Fault{ID: check.RekorPresent, Warn: true,
			Detail: "no log entry of a trusted log came with the signature; waived"})
		return
	case j.d.LogOptional:
		j.skip(check.RekorPresent,
			"no log entry of a trusted log came with the signature; the policy makes it optional")
		return
	}
	j.fault(check.Fault{ID: check.RekorPresent, Detail: "no log entry of a trusted log came with the signature",
		Expected: "a log entry with a signed entry timestamp or an inclusion proof", Found: "none"})
}

// rekorID returns the check that an error of package rekor fails.
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

// bindEntry checks that an entry is about this message, this signature, and the
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
		j.skip(check.RekorKey, "no known key made this signature")
		l.bound = false
	}
}

// bindings compares an entry with the message and with the signature, in the way
// that fits the form of the evidence.
func (j *judgement) bindings(body *rekor.Entry) (message, signature error) {
	if env := j.sig.Envelope; env != nil {
		return body.BindEnvelope(env), body.BindEnvelopeSignature(env)
	}
	return body.BindPayload(j.sig.Message), body.BindSignature(j.sig.Signature)
}

// answer records what package rekor answered to a question.
func (j *judgement) answer(id check.ID, err error) bool {
	if err == nil {
		j.passOnce(id)
		return true
	}
	f := check.Fault{ID: rekorID(err, id), Detail: err.Error()}
	var mismatch *rekor.MismatchError
	if errors.As(err, &mismatch) {
		f.Detail = "the log entry has another " + mismatch.What
		f.Expected, f.Found = mismatch.Expected, mismatch.Found
	}
	j.fault(f)
	return false
}

// log checks that a trusted log vouches for an entry: the signed entry timestamp
// (SET), and the inclusion proof with its checkpoint, each where it is present.
func (j *judgement) log(l *logged) {
	if len(l.LogID) == 0 {
		return // rekor.encoding has failed
	}
	if l.log = j.domain.log(l.LogEntry); l.log == nil {
		j.unknownLog(l)
		return
	}
	j.passOnce(check.TrustLog)
	j.passOnce(check.RekorLogID)
	if b := l.Bundle(); b != nil {
		j.checkSET(l, b)
	}
	j.inclusion(l)
}

func (j *judgement) checkSET(l *logged, b *rekor.Bundle) {
	if err := rekor.VerifySET(b, l.log.Key.Public); err != nil {
		j.fault(check.Fault{ID: check.RekorSET, Detail: err.Error(),
			Expected: "signed by " + logName(l.log), Found: "log id " + l.id()})
		return
	}
	l.signed = true
	j.passOnce(check.RekorSET)
}

// inclusion checks the proof even where a SET would be enough: what is present
// must be right.
func (j *judgement) inclusion(l *logged) {
	if l.Proof == nil {
		if j.d.RequireInclusion {
			j.fault(check.Fault{ID: check.RekorInclusion,
				Detail:   "an inclusion proof was demanded, and the log entry has none",
				Expected: "an inclusion proof", Found: "none"})
		}
		return
	}
	included := j.answer(check.RekorInclusion, l.Proof.Verify(l.Body))
	key := rekor.CheckpointKey{Public: l.log.Key.Public}
	if l.log.Source == trust.SourceBuiltin || l.Bundle() == nil {
		key.Name = l.log.Name // a log of Rekor v1 may sign under a name that its URL does not contain
	}
	c, err := rekor.VerifyCheckpoint(l.Proof.Checkpoint, []rekor.CheckpointKey{key})
	if err == nil {
		err = cmp.Or(l.Proof.BindCheckpoint(c), c.BindLog(l.LogID))
	}
	l.proven = j.answer(check.RekorCheckpoint, err) && included
	if err == nil {
		j.noteSigners(l, key, c)
	}
}

// noteSigners notes what of a good checkpoint's signatures was not compared: the name
// of a log that only its key identifies, and signatures of witnesses.
func (j *judgement) noteSigners(l *logged, key rekor.CheckpointKey, c *rekor.Checkpoint) {
	if key.Name == "" && !rekor.IsOrigin(c.Origin, l.log.Name) {
		j.note(check.Fault{ID: check.RekorCheckpoint, Expected: l.log.Name, Found: check.Clip(c.Origin),
			Detail: "signed with the log's key, under a name that is not known to be the log's"})
	}
	if len(c.Unknown) > 0 {
		j.note(check.Fault{ID: check.RekorWitness, Found: strings.Join(c.Unknown, ", "),
			Detail: "the checkpoint bears signatures of witnesses, which were not judged"})
	}
}

// unknownLog distinguishes a log id that was changed from a log that is not
// trusted.
func (j *judgement) unknownLog(entry *logged) {
	if b := entry.Bundle(); b != nil {
		for i := range j.domain.Logs {
			if j.s.unknownLogTries++; j.s.unknownLogTries > maxUnknownKeyTries {
				break
			}
			l := &j.domain.Logs[i]
			as := *b
			as.LogID = l.ID
			if rekor.VerifySET(&as, l.Key.Public) == nil || rekor.VerifySET(b, l.Key.Public) == nil {
				j.fault(check.Fault{ID: check.RekorLogID, Expected: l.ID, Found: b.LogID,
					Detail: "the entry was signed by a trusted log, under another log id"})
				return
			}
		}
	}
	known := map[string]bool{}
	for i := range j.domain.Logs {
		known[logName(&j.domain.Logs[i])] = true
	}
	j.fault(check.Fault{ID: check.TrustLog, Found: "log id " + entry.id(), Cause: j.ofAnotherInstance(),
		Detail:   "the entry is of a log that is not trusted",
		Expected: strings.Join(slices.Sorted(maps.Keys(known)), ", ")})
	j.skip(check.RekorSET, "the log's key is not known")
}

// windows judges each entry's time, and whether its log's key was valid when the
// entry was made. That time is the one that the log signed, or else that of a
// timestamp, or else the verification time. The report prefers the time of a log to
// that of a timestamp.
func (j *judgement) windows() {
	stamped := slices.Clone(j.times)
	if j.info.TimeSource != "" {
		j.info.TrustedTime, j.info.TimeSource, j.times = nil, "", nil
	}
	for _, l := range j.entries {
		if l.log != nil {
			j.window(l, stamped)
		}
	}
	for _, t := range stamped {
		j.trustTime(t, sourceTSA)
	}
}

func (j *judgement) window(l *logged, stamped []time.Time) {
	at := j.s.rep.VerifiedAt
	switch {
	case l.signed:
		at = time.Unix(l.IntegratedTime, 0).UTC()
	case l.SET != nil:
		return // the SET is wrong, so no log vouches for its time
	case len(stamped) > 0:
		at = stamped[0]
	}
	valid := true
	if err := l.log.CheckWindow(at); err != nil {
		valid = false
		j.fault(check.Fault{ID: check.TrustValidity, Detail: err.Error(), Found: at.Format(time.RFC3339)})
	} else {
		j.passOnce(check.TrustValidity)
	}
	if l.signed && j.future(at) {
		j.futureFault(check.RekorTime, "the entry's time", at)
		return
	}
	if l.signed {
		j.passOnce(check.RekorTime)
	}
	if l.bound && (l.signed || l.SET == nil && l.proven) {
		j.reportLog(l, at, valid)
	}
}

// reportLog reports an entry that is about this signature. It leaves out a time
// without a SET, since no log signed it.
func (j *judgement) reportLog(l *logged, at time.Time, valid bool) {
	if valid {
		if j.counted == nil {
			j.counted = map[string]bool{}
		}
		j.counted[l.log.Key.Fingerprint()] = true
	}
	if j.info.Log == nil {
		j.info.Log = &LogEntry{LogID: l.id(), Log: Text(l.log.Name), LogIndex: l.LogIndex,
			Kind: Text(l.body.Kind + "/" + l.body.APIVersion)}
		j.info.rekor = RawJSON(j.sig.Rekor)
		if l.signed {
			j.info.Log.IntegratedTime = &at
		} else {
			j.info.Log.LogIndex = l.Proof.LogIndex // the one that the checkpoint vouches for
		}
	}
	if l.signed && valid {
		j.trustTime(at, sourceLog)
	}
}

func logName(l *trust.Log) string {
	if l.Name != "" {
		return l.Name + " (" + l.ID + ")"
	}
	return l.ID
}
