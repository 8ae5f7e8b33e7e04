package verify

import (
	"fmt"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// rollback compares the bundle with what the register knows: the serial of its seal,
// and the trusted time of each image that the operator named. If it is older, that is a
// warning, or a failure if the policy refuses it.
func (s *session) rollback() {
	if s.graph == nil {
		return
	}
	if s.opt.Known == nil {
		if s.refusesRollback() {
			s.fault(bundleWide, check.Fault{ID: check.PolicyRollback,
				Detail:   "the policy refuses what is older than a register knows, and no register was given",
				Expected: "a register", Found: "none"})
		}
		return
	}
	s.sealRollback()
	for _, want := range s.opt.Named() {
		s.imageRollback(want)
	}
}

func (s *session) streamDemanded() bool {
	return s.opt.SealStream != "" || s.opt.Policy != nil && s.opt.Policy.SealStream != ""
}

func (s *session) refusesRollback() bool { return s.opt.Policy != nil && s.opt.Policy.RefuseRollback }

// older reports something that is older than what is known.
func (s *session) older(subject, detail, want, got string) {
	s.fault(bundleWide, check.Fault{ID: check.PolicyRollback, Subject: subject,
		Detail: detail, Expected: want, Found: got, Warn: !s.refusesRollback()})
}

func (s *session) unreadableRegister(err error) {
	s.fault(bundleWide, check.Fault{ID: check.PolicyRollback, Detail: "the register cannot be read: " + err.Error()})
}

// sealRollback compares the serial of the seal with the highest one known.
func (s *session) sealRollback() {
	seal := s.rep.Seal
	if seal == nil {
		return
	}
	serial, inventory, entry, err := s.opt.Known.HighWater(seal.Key, seal.Stream)
	own := fmt.Sprintf("serial %d", seal.Serial)
	switch {
	case err != nil:
		s.unreadableRegister(err)
	case entry > 0 && seal.Serial < serial:
		s.older(seal.Inventory, fmt.Sprintf("a newer bundle of the stream %s was verified before, "+
			"as entry %d of the register", seal.Stream, entry), fmt.Sprintf("serial %d or higher", serial), own)
	case entry > 0 && seal.Serial == serial && inventory != seal.Inventory:
		s.older(seal.Inventory, fmt.Sprintf("another bundle of the stream %s with the same serial was verified "+
			"before, as entry %d of the register", seal.Stream, entry), inventory, seal.Inventory)
	case entry == 0 && s.refusesRollback() && !s.streamDemanded():
		s.fault(bundleWide, check.Fault{ID: check.PolicyRollback, Subject: seal.Inventory, Warn: true,
			Cause: check.CauseNewStream, Found: seal.Stream,
			Detail: "the register knows no bundle of this stream, so nothing shows whether this one is old, or was " +
				"sealed for another receiver; demand the stream of the seal"})
	default:
		s.pass(bundleWide, check.Fault{ID: check.PolicyRollback, Subject: seal.Inventory, Found: own})
	}
}

// imageRollback compares an image with the builds that are known under the operator's
// own name for it, never under the name that the bundle gives it.
func (s *session) imageRollback(want oci.Reference) {
	found := s.under(want)
	if len(found) == 0 {
		return
	}
	builds, err := s.opt.Known.Builds(want.Name())
	if err != nil {
		s.unreadableRegister(err)
		return
	}
	at := ""
	for _, i := range found {
		// One older image is enough, even beside a newer one of the same name: it may be the one that is loaded.
		if f := s.compare(i, builds); f != nil {
			s.older(want.Name(), f.Detail, f.Expected, f.Found)
			return
		}
		if t := s.newestTime(i); !t.IsZero() {
			at = t.Format(time.RFC3339)
		}
	}
	s.pass(bundleWide, check.Fault{ID: check.PolicyRollback, Subject: want.Name(), Found: at})
}

// compare says why an image is older than a known build, nil if it is not. Anyone
// can have an old signature logged or stamped again, so a build is never newer than
// it was when it was first recorded, whatever time its signature bears now. Builds
// without a time are compared by when they were first recorded.
func (s *session) compare(i int, builds []Build) *check.Fault {
	own := Build{Digest: s.rep.Images[i].Digest, Time: s.newestTime(i)}
	at := own.Time
	for _, b := range builds {
		if b.Digest == own.Digest {
			own.Entry = b.Entry
			if !b.Time.IsZero() && (own.Time.IsZero() || b.Time.Before(own.Time)) {
				own.Time = b.Time
			}
		}
	}
	for _, b := range builds {
		if f := own.olderThan(b); f != nil {
			if at.After(own.Time) && !own.Time.IsZero() {
				f.Detail += fmt.Sprintf("; this one was first verified as entry %d, whatever time its signature bears "+
					"now", own.Entry)
			}
			return f
		}
	}
	return nil
}

// olderThan says why a build is older than another one, nil if it is not.
func (own Build) olderThan(b Build) *check.Fault {
	orLater := "a trusted time of " + b.Time.UTC().Format(time.RFC3339) + " or later"
	switch {
	case b.Digest == own.Digest:
	case own.Time.IsZero() && !b.Time.IsZero():
		return &check.Fault{Detail: fmt.Sprintf("entry %d of the register has the trusted time of another build of "+
			"this image, and this one has none to compare", b.Entry),
			Expected: orLater, Found: "no trusted time"}
	case own.Time.Before(b.Time):
		return &check.Fault{Detail: fmt.Sprintf("a newer build of this image was verified before, as entry %d of the "+
			"register", b.Entry), Expected: orLater, Found: own.Time.Format(time.RFC3339)}
	case own.Time.IsZero() && own.Entry > 0 && own.Entry < b.Entry:
		return &check.Fault{Detail: fmt.Sprintf("another build of this image was verified after this one, as entry %d "+
			"of the register", b.Entry), Expected: b.Digest, Found: own.Digest}
	}
	return nil
}

// newestTime returns the newest trusted time of what vouches for an image, zero if
// there is none.
func (s *session) newestTime(i int) (newest time.Time) {
	for _, sig := range s.rep.Images[i].Vouching() {
		if sig.TrustedTime != nil && sig.TrustedTime.After(newest) {
			newest = *sig.TrustedTime
		}
	}
	return newest
}
