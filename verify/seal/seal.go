// Package seal makes and reads seals. A seal is the signed statement of the
// sender that a bundle has this inventory and is number N of one of the sender's
// streams of bundles.
//
// [Make] signs a [Statement]; [Open] checks the signature against pinned keys and
// returns the statement. A sender seals every bundle of a stream with a higher
// serial than the one before, so that the receiver notices an older bundle that
// is presented as new.
//
// # Format
//
// A seal is a DSSE envelope as package [dsse] writes it, with the payload type
// [bundle.TypeSeal]. The payload is the canonical JSON (RFC 8785) of
//
//	{"exportedAt":TIME,"inventory":DIGEST,"schema":"gapseal.seal/v1","serial":N,"stream":NAME}
//
// with the time in whole seconds of UTC. There is exactly one spelling of a
// statement, and a reader refuses any other.
package seal

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

const (
	// Schema names the form of a statement.
	Schema = "gapseal.seal/v1"

	// MaxSerial is the greatest serial. Every JSON reader counts this far exactly.
	MaxSerial = 1<<53 - 1

	// MaxStream is how long the name of a stream may be, in bytes.
	MaxStream = 64
)

var (
	// ErrStatement reports that a payload is not a statement, or not spelled as
	// gapseal spells one. The error that wraps it says why.
	ErrStatement = errors.New("is not a seal's statement in its one form")

	streamName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]*$`)
)

// Statement is what a seal says.
type Statement struct {
	Inventory  oci.Digest // of the manifest of the inventory
	Stream     string     // which of the sender's series of bundles this belongs to; see [CheckStream]
	Serial     uint64     // from 1 to MaxSerial, growing within a stream
	ExportedAt time.Time  // by the sender's clock, in whole seconds of UTC
}

// payload is a statement as it is written.
type payload struct {
	ExportedAt string `json:"exportedAt"`
	Inventory  string `json:"inventory"`
	Schema     string `json:"schema"`
	Serial     uint64 `json:"serial"`
	Stream     string `json:"stream"`
}

// CheckStream checks the name of a stream: up to [MaxStream] ASCII letters,
// digits, dots, dashes and underscores, of which the first is a letter or digit.
func CheckStream(name string) error {
	if len(name) > MaxStream || !streamName.MatchString(name) {
		return fmt.Errorf("want up to %d of 0-9A-Za-z._- beginning with a letter or digit, found %.100q",
			MaxStream, name)
	}
	return nil
}

// CheckSerial checks that n is from 1 to [MaxSerial].
func CheckSerial(n uint64) error {
	if n < 1 || n > MaxSerial {
		return fmt.Errorf("want a serial from 1 to %d, found %d", uint64(MaxSerial), n)
	}
	return nil
}

// Make returns the envelope of a seal. ExportedAt is cut to whole seconds of
// UTC. The error wraps [ErrStatement] if s has a value that no statement can
// have, or is the signer's.
func Make(s Statement, by *dsse.Signer) ([]byte, error) {
	raw, err := s.encode()
	if err != nil {
		return nil, err
	}
	if _, err := parse(raw); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	return dsse.Sign(bundle.TypeSeal, raw, by)
}

// Open returns the statement of a seal and the one of keys that signed it. The
// error is that of [dsse.Open], or wraps [ErrStatement] if one of keys signed a
// payload that is not a statement.
func Open(envelope []byte, keys []*trust.Key) (*Statement, *trust.Key, error) {
	raw, by, err := dsse.Open(envelope, bundle.TypeSeal, keys)
	if err != nil {
		return nil, nil, err
	}
	s, err := parse(raw)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrStatement, err)
	}
	return s, by, nil
}

func (s *Statement) encode() ([]byte, error) {
	return dsse.Canonical(&payload{
		ExportedAt: s.ExportedAt.UTC().Format(time.RFC3339),
		Inventory:  string(s.Inventory),
		Schema:     Schema,
		Serial:     s.Serial,
		Stream:     s.Stream,
	})
}

func parse(raw []byte) (*Statement, error) {
	var p payload
	if err := strict.UnmarshalKnown(raw, &p); err != nil {
		return nil, err
	}
	if p.Schema != Schema {
		return nil, fmt.Errorf("schema: want %s, found %.60q", Schema, p.Schema)
	}
	at, err := time.Parse(time.RFC3339, p.ExportedAt)
	if err != nil {
		return nil, fmt.Errorf("exportedAt: want RFC 3339, found %.60q", p.ExportedAt)
	}
	s := &Statement{
		Inventory:  oci.Digest(p.Inventory),
		Stream:     p.Stream,
		Serial:     p.Serial,
		ExportedAt: at.UTC(),
	}
	if err := s.check(); err != nil {
		return nil, err
	}
	if again, err := s.encode(); err != nil || !bytes.Equal(again, raw) {
		return nil, errors.New("want canonical JSON with every member, and a time in whole seconds of UTC")
	}
	return s, nil
}

func (s *Statement) check() error {
	if _, err := oci.ParseDigest(string(s.Inventory)); err != nil {
		return fmt.Errorf("inventory: %w", err)
	}
	if err := CheckStream(s.Stream); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	return CheckSerial(s.Serial)
}
