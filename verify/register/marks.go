package register

import (
	"context"
	"fmt"
	"slices"
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
	names   map[string][]verify.Build
	builds  map[build]int // where each is in names
}

type stream struct{ key, name string }

type build struct{ name, digest string }

type highest struct {
	serial    uint64
	inventory string
	number    int64
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

// Builds returns the builds of an image that were verified under the operator's own
// name for it, in the order of their first entries. Each has the earliest trusted
// time that was recorded of it: a later one proves nothing, since anyone can have an
// old signature logged again. The error is as that of [Register.HighWater].
func (r *Register) Builds(reference string) ([]verify.Build, error) {
	r.marks.mu.Lock()
	defer r.marks.mu.Unlock()
	if err := r.readMarks(); err != nil {
		return nil, err
	}
	return slices.Clone(r.marks.names[reference]), nil
}

func (r *Register) readMarks() error {
	m := &r.marks
	if m.read {
		return nil
	}
	m.streams = map[stream]highest{}
	m.names = map[string][]verify.Build{}
	m.builds = map[build]int{}
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
			m.build(name, img.Digest, img.TrustedTime, int(e.Number))
		}
	}
	if len(m.streams)+len(m.builds) > MaxStreams {
		return fmt.Errorf("the register names more than %d streams and builds of images; "+
			"begin a new one in another folder", MaxStreams)
	}
	return nil
}

// build takes a build into account that an entry records.
func (m *marks) build(name, digest string, at *time.Time, number int) {
	i, ok := m.builds[build{name, digest}]
	if !ok {
		i = len(m.names[name])
		m.builds[build{name, digest}] = i
		m.names[name] = append(m.names[name], verify.Build{Digest: digest, Entry: number})
	}
	if b := &m.names[name][i]; at != nil && (b.Time.IsZero() || at.Before(b.Time)) {
		b.Time = *at
	}
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

func (open onDemand) Builds(reference string) ([]verify.Build, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	return r.Builds(reference)
}
