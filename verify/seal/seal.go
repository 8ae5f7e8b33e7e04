// Package seal makes and reads seals: the statement of whoever exported a bundle
// that this is its inventory, and that they made it as that number of a stream.
//
// A seal is a DSSE envelope as package dsse writes it. Its payload is canonical
// JSON (RFC 8785), which has one spelling, and nothing but what [Statement]
// holds.
package seal

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/trust"
)

// Schema names the form of a statement.
const Schema = "gapseal.seal/v1"

// MaxSerial is the greatest serial: what every reader of JSON counts exactly.
const MaxSerial = 1<<53 - 1

// MaxStream is how long the name of a stream may be, in bytes.
const MaxStream = 64

var (
	// ErrStatement says that a seal does not hold a statement in its one form;
	// the error that wraps it says why.
	ErrStatement = errors.New("is not a seal's statement in its one form")

	streamName = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]*$`)
)

// Statement is what a seal says.
type Statement struct {
	Inventory  oci.Digest // of the manifest of the inventory
	Stream     string     // which of the sealer's series of bundles this belongs to
	Serial     uint64     // from 1 to MaxSerial, growing within a stream
	ExportedAt time.Time  // by the sealer's clock, in whole seconds of UTC
}

// CheckStream answers whether name may be a stream's: up to [MaxStream] letters,
// digits, dots, dashes and underscores of ASCII, the first a letter or digit.
func CheckStream(name string) error {
	if len(name) > MaxStream || !streamName.MatchString(name) {
		return fmt.Errorf("want up to %d of 0-9A-Za-z._- beginning with a letter or digit, found %.100q", MaxStream, name)
	}
	return nil
}

// CheckSerial answers whether n may be a serial: from 1 to [MaxSerial].
func CheckSerial(n uint64) error {
	if n < 1 || n > MaxSerial {
		return fmt.Errorf("want a serial from 1 to %d, found %d", uint64(MaxSerial), n)
	}
	return nil
}

// Make returns the envelope of a seal. ExportedAt is cut to whole seconds of
// UTC. The error wraps [ErrStatement] for what no seal can say, or is the
// signer's.
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

// Open returns what a seal says, and the one of keys that it is signed with. The
// error is that of [dsse.Open], or wraps [ErrStatement] for a payload that one
// of keys signed, and that is none.
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
