package verify

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
	"github.com/gapseal/gapseal/verify/tsa"
)

// timestamps judges the RFC 3161 timestamps: each that came must be good, if
// any authority is trusted at all.
func (j *judgement) timestamps() {
	if len(j.sig.Timestamps) == 0 {
		return
	}
	if len(j.s.opt.TSAs) == 0 {
		j.fault(check.Fault{ID: check.PolicyNotJudged, Detail: "not judged: a timestamp came with the signature, and no timestamp authority is trusted", Warn: true})
		return
	}
	for i, raw := range j.sig.Timestamps {
		if slices.ContainsFunc(j.sig.Timestamps[:i], func(b []byte) bool { return bytes.Equal(b, raw) }) {
			j.fault(check.Fault{ID: check.TSATimestamp, Detail: "one timestamp stands twice: the second says nothing"})
			continue
		}
		r, err := tsa.Verify(raw, j.sig.Signature, j.s.opt.TSAs)
		if err != nil {
			j.fault(check.Fault{ID: check.TSATimestamp, Detail: err.Error()})
			continue
		}
		if j.future(r.Time) {
			j.fault(check.Fault{ID: check.TSATimestamp, Cause: j.clockCause(), Detail: "the timestamp lies in the future of this host's clock", Expected: "not after " + j.latest().Format(time.RFC3339), Found: r.Time.Format(time.RFC3339)})
			continue
		}
		j.passOnce(check.TSATimestamp)
		j.info.TSA = cmp.Or(j.info.TSA, Text(r.Authority.Name))
		j.stamps = append(j.stamps, r)
		j.trustTime(r.Time.UTC(), "tsa")
	}
}

func (j *judgement) latest() time.Time { return j.s.rep.VerifiedAt.Add(ClockTolerance) }

// clockCause says which clock a time is in the future of.
func (j *judgement) clockCause() check.Cause {
	if j.s.rep.Clock.Source == clockGiven {
		return check.CauseGivenTime
	}
	return check.CauseClock
}

func (j *judgement) future(t time.Time) bool { return t.After(j.latest()) }

// trustTime notes a time that a trusted party vouches for; the report names the
// first, and a log's before an authority's.
func (j *judgement) trustTime(t time.Time, source string) {
	if j.info.TrustedTime == nil {
		j.info.TrustedTime, j.info.TimeSource = &t, Text(source)
	}
	j.times = append(j.times, t)
}

// windows judges each entry's own time, and the validity of its log's key at
// the time of signing: by the log, else by a timestamp, else now.
func (j *judgement) windows() {
	stamped := slices.Clone(j.times)
	if j.info.TimeSource != "" { // a log's word comes first
		j.info.TrustedTime, j.info.TimeSource, j.times = nil, "", nil
	}
	for _, l := range j.entries {
		if l.log != nil {
			j.window(l, stamped)
		}
	}
	for _, t := range stamped {
		j.trustTime(t, "tsa")
	}
}

func (j *judgement) window(l *logged, stamped []time.Time) {
	at := j.s.rep.VerifiedAt
	switch {
	case l.signed:
		at = time.Unix(l.IntegratedTime, 0).UTC()
	case l.SET != nil:
		return // the SET is wrong, and so says nothing of time
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
		j.fault(check.Fault{ID: check.RekorTime, Cause: j.clockCause(), Detail: "the entry's time lies in the future of this host's clock", Expected: "not after " + j.latest().Format(time.RFC3339), Found: at.Format(time.RFC3339)})
		return
	}
	if l.signed {
		j.passOnce(check.RekorTime)
	}
	if l.bound && (l.signed || l.SET == nil && l.proven) {
		j.tellLog(l, at, valid)
	}
}

// tellLog reports an entry that is about this signature. What no log signed is
// not told: a time without a SET.
func (j *judgement) tellLog(l *logged, at time.Time, valid bool) {
	if valid {
		j.counted = append(j.counted, l.LogEntry)
	}
	if j.info.Log == nil {
		j.info.Log = &LogEntry{LogID: l.id(), Log: Text(l.log.Name), LogIndex: l.LogIndex, Kind: Text(l.body.Kind + "/" + l.body.APIVersion)}
		j.info.rekor = RawJSON(j.sig.Rekor)
		if l.signed {
			j.info.Log.IntegratedTime = &at
		} else {
			j.info.Log.LogIndex = l.Proof.LogIndex // the one that the checkpoint vouches for
		}
	}
	if l.signed && valid {
		j.trustTime(at, "log")
	}
}

// thresholds counts the logs and the timestamp authorities that speak for the
// signature, each once: two entries of one log are one witness.
func (j *judgement) thresholds() {
	if want := j.d.RequireLogs; want > 1 {
		j.threshold(check.RekorThreshold, want, rekor.CountLogs(j.counted), "distinct logs")
	}
	if want := j.d.RequireTimestamps; want > 0 {
		j.threshold(check.TSAThreshold, want, len(tsa.Distinct(j.stamps)), "distinct timestamp authorities")
	}
}

func (j *judgement) threshold(id check.ID, want, found int, what string) {
	if found >= want {
		j.pass(id, "")
		return
	}
	j.fault(check.Fault{ID: id, Detail: "fewer " + what + " than demanded speak for the signature", Expected: fmt.Sprintf("at least %d", want), Found: fmt.Sprint(found)})
}

func logName(l *trust.Log) string {
	if l.Name != "" {
		return l.Name + " (" + l.ID + ")"
	}
	return l.ID
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// clip keeps a hostile value from flooding a report.
func clip(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}
