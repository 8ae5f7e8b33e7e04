package verify

import (
	"fmt"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// rollback asks whether the bundle is older than what is known: by the serial of
// its seal, and by the trusted time of each image for which the operator has a
// name. An older one is a warning, unless the policy refuses it.
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
	default:
		s.pass(bundleWide, check.Fault{ID: check.PolicyRollback, Subject: seal.Inventory, Found: own})
	}
}

// imageRollback compares trusted times under the operator's own name for an image,
// never under the name that the bundle gives it.
func (s *session) imageRollback(want oci.Reference) {
	at, found := s.newestTime(want)
	if !found {
		return
	}
	known, entry, err := s.opt.Known.LatestTrustedTime(want.Name())
	orLater := "signed at " + known.UTC().Format(time.RFC3339) + " or later"
	switch {
	case err != nil:
		s.unreadableRegister(err)
	case entry > 0 && at.IsZero():
		s.older(want.Name(), fmt.Sprintf("entry %d of the register records when this image was signed, "+
			"but now it has no trusted time to compare", entry), orLater, "no trusted time")
	case entry > 0 && at.Before(known):
		s.older(want.Name(), fmt.Sprintf("a newer build of this image was verified before, "+
			"as entry %d of the register", entry), orLater, at.Format(time.RFC3339))
	default:
		s.pass(bundleWide, check.Fault{ID: check.PolicyRollback, Subject: want.Name(), Found: at.Format(time.RFC3339)})
	}
}

// newestTime looks at the images under a reference, and returns the newest trusted
// time of their signatures that count; it is zero if none has one. found reports
// whether there is such an image.
func (s *session) newestTime(want oci.Reference) (newest time.Time, found bool) {
	for i, g := range s.graph.Images {
		ref, err := oci.ParseReference(g.Reference)
		if err != nil || !sameName(ref, want) || want.Digest != "" && want.Digest != g.Digest {
			continue
		}
		found = true
		for _, sig := range s.rep.Images[i].Signatures {
			if sig.Counts && sig.TrustedTime != nil && sig.TrustedTime.After(newest) {
				newest = *sig.TrustedTime
			}
		}
	}
	return newest, found
}
