package verify

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/tsa"
)

// The sources of a trusted time, as reports name them.
const (
	sourceLog = "log"
	sourceTSA = "tsa"
)

// timestamps judges the RFC 3161 timestamps. One that names a trusted authority must
// be good; one of another authority does not count.
func (j *judgement) timestamps() {
	if len(j.sig.Timestamps) == 0 {
		return
	}
	if len(j.domain.TSAs) == 0 {
		j.skip(check.PolicyNotJudged, "not judged: a timestamp came with the signature, and no timestamp authority is "+
			"trusted")
		return
	}
	for i, raw := range j.sig.Timestamps {
		if slices.ContainsFunc(j.sig.Timestamps[:i], func(b []byte) bool { return bytes.Equal(b, raw) }) {
			j.fault(check.Fault{ID: check.TSATimestamp, Detail: "the same timestamp came twice"})
			continue
		}
		r, err := tsa.Verify(raw, j.sig.Signature, j.domain.TSAs)
		var unknown *tsa.AuthorityError
		if errors.As(err, &unknown) {
			j.skip(check.TSATimestamp, "does not count: "+err.Error())
			continue
		}
		if err != nil {
			j.fault(check.Fault{ID: check.TSATimestamp, Detail: err.Error()})
			continue
		}
		if j.future(r.Time) {
			j.futureFault(check.TSATimestamp, "the timestamp", r.Time)
			continue
		}
		j.passOnce(check.TSATimestamp)
		j.info.TSA = cmp.Or(j.info.TSA, Text(r.Authority.Name))
		j.stamps = append(j.stamps, r)
		j.trustTime(r.Time.UTC(), sourceTSA)
	}
}

// latest returns the newest time that does not count as being in the future.
func (j *judgement) latest() time.Time { return j.s.rep.VerifiedAt.Add(ClockTolerance) }

func (j *judgement) future(t time.Time) bool { return t.After(j.latest()) }

// futureFault reports a time that is ahead of the verification time.
func (j *judgement) futureFault(id check.ID, what string, t time.Time) {
	f := check.Fault{ID: id, Cause: check.CauseClock, Detail: what + " is ahead of this host's clock",
		Expected: "not after " + j.latest().Format(time.RFC3339), Found: t.Format(time.RFC3339)}
	if j.s.rep.Clock.Source == clockGiven {
		f.Cause, f.Detail = check.CauseGivenTime, what+" is ahead of the verification time that was given"
	}
	j.fault(f)
}

// trustTime records a time that a trusted log or authority vouches for. The report
// names the first one recorded.
func (j *judgement) trustTime(t time.Time, source string) {
	if j.info.TrustedTime == nil {
		j.info.TrustedTime, j.info.TimeSource = &t, Text(source)
	}
	j.times = append(j.times, t)
}

// thresholds counts the distinct logs and timestamp authorities that vouch for the
// time of the signature: two entries of one log count once, and so do two ids of one
// key.
func (j *judgement) thresholds() {
	if want := j.d.RequireLogs; want > 1 {
		j.threshold(check.RekorThreshold, want, len(j.counted), "distinct logs")
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
	j.fault(check.Fault{ID: id, Detail: "fewer " + what + " than demanded vouch for the signature",
		Expected: fmt.Sprintf("at least %d", want), Found: fmt.Sprint(found)})
}
