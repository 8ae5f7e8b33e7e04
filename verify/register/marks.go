package register

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// marks are the serials and times that a new bundle is compared with, to find out
// whether it is older than one that was verified before. They are read once, and
// again after this register was added to.
type marks struct {
	mu      sync.Mutex
	read    bool
	streams map[stream]highest
	names   map[string]latest
}

type stream struct{ key, name string }

type highest struct {
	serial    uint64
	inventory string
	number    int64
}

type latest struct {
	time   time.Time
	number int64
}

func (m *marks) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.read = false
}

// HighWater returns the highest serial of the seals in verified bundles, for one
// stream and one key, which sealKey names by its fingerprint. It also returns the
// digest of the inventory that had this serial, and the number of the first entry
// that records it. All are zero if there is none. A bundle with a lower serial is
// older than one already verified; a bundle with the same serial must have the same
// inventory.
//
// The first call reads the whole register. The error is a [*DamagedError] if any
// entry is damaged, reports that there are more than [MaxStreams] streams and
// names, or is the operating system's.
func (r *Register) HighWater(sealKey, streamName string) (serial uint64, inventory string, entry int, err error) {
	r.marks.mu.Lock()
	defer r.marks.mu.Unlock()
	if err := r.readMarks(); err != nil {
		return 0, "", 0, err
	}
	h := r.marks.streams[stream{sealKey, streamName}]
	return h.serial, h.inventory, int(h.number), nil
}

// LatestTrustedTime returns the latest trusted time of an image that was verified
// under the operator's own name for it, and the number of the first entry that
// records it. Both are zero if there is none. The error is as that of
// [Register.HighWater].
func (r *Register) LatestTrustedTime(reference string) (time.Time, int, error) {
	r.marks.mu.Lock()
	defer r.marks.mu.Unlock()
	if err := r.readMarks(); err != nil {
		return time.Time{}, 0, err
	}
	l := r.marks.names[reference]
	return l.time, int(l.number), nil
}

func (r *Register) readMarks() error {
	m := &r.marks
	if m.read {
		return nil
	}
	m.streams = map[stream]highest{}
	m.names = map[string]latest{}
	res, err := r.scan(context.Background(), nil, m.raise)
	if err == nil {
		err = r.damaged(res)
	}
	m.read = err == nil
	return err
}

// raise takes an entry into account. A rejected bundle raises no mark: otherwise
// anybody who can hand in a bundle could raise them.
func (m *marks) raise(e *Entry) error {
	if e.Verdict != check.Verified {
		return nil
	}
	if s := e.Seal; s != nil {
		key := stream{s.KeyFingerprint, s.Stream}
		if old, ok := m.streams[key]; !ok || s.Serial > old.serial {
			m.streams[key] = highest{s.Serial, s.InventoryDigest, e.Number}
		}
	}
	for _, img := range e.Images {
		for _, name := range img.References {
			if img.TrustedTime != nil && img.TrustedTime.After(m.names[name].time) {
				m.names[name] = latest{*img.TrustedTime, e.Number}
			}
		}
	}
	if len(m.streams)+len(m.names) > MaxStreams {
		return fmt.Errorf("the register names more than %d streams and images; "+
			"begin a new one in another folder", MaxStreams)
	}
	return nil
}

// OnDemand returns the answers of the register in a folder for
// [verify.Options.Known]. The register is opened and read once, when the first
// question is asked: a long verification then sees the entries that others added
// since it began. The errors are those of [Open] and of the methods asked.
func OnDemand(dir string) verify.Known {
	return onDemand(sync.OnceValues(func() (*Register, error) { return Open(dir) }))
}

type onDemand func() (*Register, error)

func (open onDemand) HighWater(sealKey, streamName string) (serial uint64, inventory string, entry int, err error) {
	r, err := open()
	if err != nil {
		return 0, "", 0, err
	}
	return r.HighWater(sealKey, streamName)
}

func (open onDemand) LatestTrustedTime(reference string) (at time.Time, entry int, err error) {
	r, err := open()
	if err != nil {
		return time.Time{}, 0, err
	}
	return r.LatestTrustedTime(reference)
}
