package verify

import (
	"fmt"
	"time"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
)

// Known is what earlier verifications on this host found, as a register keeps
// it. Only what was verified counts.
type Known interface {
	// HighWater returns the highest serial that the holder of a seal key used in
	// a stream, with the digest of the inventory that bore it. entry names where
	// that stands, 0 if there is none.
	HighWater(sealKey, stream string) (serial uint64, inventory string, entry int, err error)
	// LatestTrustedTime returns the newest trusted time of what was verified under
	// the operator's own name for it. entry is 0 if there is none.
	LatestTrustedTime(reference string) (at time.Time, entry int, err error)
}

// rollback asks whether the bundle is older than what is known already: by the
// serial of its seal, and by the trusted time of each image that the operator
// has a name for. An older one is warned of, unless the policy refuses it.
func (s *session) rollback() {
	switch {
	case s.graph == nil:
		return
	case s.opt.Known == nil:
		if s.opt.Policy != nil && s.opt.Policy.RefuseRollback {
			s.bundleFault(&check.Fault{ID: check.PolicyRollback, Detail: "the policy refuses what is older than a register knows, and none was asked", Expected: "a register", Found: "none"})
		}
		return
	}
	s.sealRollback()
	for _, want := range s.opt.Named() {
		s.imageRollback(want)
	}
}

func (s *session) older(f *check.Fault) {
	f.ID, f.Warn = check.PolicyRollback, s.opt.Policy == nil || !s.opt.Policy.RefuseRollback
	s.bundleFault(f)
}

func (s *session) unknown(err error) {
	s.bundleFault(&check.Fault{ID: check.PolicyRollback, Detail: "the register cannot be read: " + err.Error()})
}

func (s *session) sealRollback() {
	seal := s.rep.Seal
	if seal == nil {
		return
	}
	serial, inventory, entry, err := s.opt.Known.HighWater(seal.Key, seal.Stream)
	switch {
	case err != nil:
		s.unknown(err)
	case entry > 0 && seal.Serial < serial:
		s.older(&check.Fault{Subject: seal.Inventory, Detail: fmt.Sprintf("a newer bundle of the stream %s was verified before, as entry %d of the register", seal.Stream, entry),
			Expected: fmt.Sprintf("serial %d or higher", serial), Found: fmt.Sprintf("serial %d", seal.Serial)})
	case entry > 0 && seal.Serial == serial && inventory != seal.Inventory:
		s.older(&check.Fault{Subject: seal.Inventory, Detail: fmt.Sprintf("another bundle of the stream %s with the same serial was verified before, as entry %d of the register", seal.Stream, entry),
			Expected: inventory, Found: seal.Inventory})
	default:
		s.rec.add(bundleWide, check.Pass, check.Fault{ID: check.PolicyRollback, Subject: seal.Inventory, Found: fmt.Sprintf("serial %d", seal.Serial)})
	}
}

// imageRollback compares trusted times under the operator's own name for an
// image, never under the name that the bundle gives it.
func (s *session) imageRollback(want oci.Reference) {
	at, found := s.newestTime(want)
	if !found {
		return
	}
	known, entry, err := s.opt.Known.LatestTrustedTime(want.Name())
	switch {
	case err != nil:
		s.unknown(err)
	case entry > 0 && at.IsZero():
		s.older(&check.Fault{Subject: want.Name(), Detail: fmt.Sprintf("entry %d of the register knows when this image was signed, and now it has no trusted time to compare", entry),
			Expected: "signed at " + known.UTC().Format(time.RFC3339) + " or later", Found: "no trusted time"})
	case entry > 0 && at.Before(known):
		s.older(&check.Fault{Subject: want.Name(), Detail: fmt.Sprintf("a newer build of this image was verified before, as entry %d of the register", entry),
			Expected: "signed at " + known.UTC().Format(time.RFC3339) + " or later", Found: at.Format(time.RFC3339)})
	default:
		s.rec.add(bundleWide, check.Pass, check.Fault{ID: check.PolicyRollback, Subject: want.Name(), Found: at.Format(time.RFC3339)})
	}
}

// newestTime returns the newest trusted time among the signatures that count of
// the images under a reference, zero if there is none; found tells whether there
// is such an image.
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
