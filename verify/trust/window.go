package trust

import (
	"time"

	common "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
)

// checkWindow answers whether t lies between from and to, both included; a zero
// to is open.
func checkWindow(from, to, t time.Time) error {
	if t.Before(from) || !to.IsZero() && t.After(to) {
		return &WindowError{From: from, To: to, At: t}
	}
	return nil
}

// readWindow asks for a start, as an anchor without one would be valid from the
// beginning of time. A start at the zero time is none: to Go it is unset, and
// so would be an end there.
func readWindow(what, member string, valid *common.TimeRange) (from, to time.Time, err error) {
	from = valid.GetStart().AsTime()
	if valid.GetStart() == nil || from.IsZero() {
		return from, to, malformed(what, "%s.start: want the time from which it is valid, found none", member)
	}
	if valid.GetEnd() == nil {
		return from, to, nil
	}
	to = valid.GetEnd().AsTime()
	if to.Before(from) {
		return from, to, malformed(what, "%s: the end %s is before the start %s", member, stamp(to), stamp(from))
	}
	return from, to, nil
}
