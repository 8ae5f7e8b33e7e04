package register

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/internal/strict"
)

// encode writes the file of an entry the one way it may be written. Whatever
// stands in e.Digest is left out of account.
func encode(e *Entry) ([]byte, error) {
	bare := *e
	bare.Digest = ""
	raw, err := strict.Marshal(&bare)
	if err != nil {
		return nil, err
	}
	digest := digestOf(raw)
	return append(raw[:len(raw)-1], `,"digest":"`+digest+"\"}\n"...), nil
}

// Parse reads the file of one entry, whatever its place in a register. The
// error says what is wrong with it in itself: its form, one of its digests, or
// a head that says other than its report.
func Parse(raw []byte) (*Entry, error) {
	if len(raw) > MaxEntry {
		return nil, fmt.Errorf("is larger than the budget of %d bytes for an entry", MaxEntry)
	}
	e := &Entry{}
	if err := strict.UnmarshalKnown(raw, e); err != nil {
		return nil, fmt.Errorf("is not a readable entry: %w", err)
	}
	if e.Schema != Schema {
		return nil, fmt.Errorf("its schema is %.60q, want %s", e.Schema, Schema)
	}
	again, err := encode(e)
	if err != nil {
		return nil, fmt.Errorf("is not a readable entry: %w", err)
	}
	if err := compare(raw, again); err != nil {
		return nil, err
	}
	if digestOf([]byte(e.Report)) != e.ReportDigest {
		return nil, errors.New("was edited: the report in it has not the SHA-256 that stands beside it")
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	return e, nil
}

// compare wants raw to be as gapseal writes it. The digest is the last thing in
// an entry: if nothing else differs, something before it was changed.
func compare(raw, again []byte) error {
	if bytes.Equal(raw, again) {
		return nil
	}
	const tail = len("sha256:\"}\n") + 64
	if len(raw) == len(again) && len(raw) > tail && bytes.Equal(raw[:len(raw)-tail], again[:len(again)-tail]) {
		return errors.New("was edited: it has not the SHA-256 that stands at its end")
	}
	return errors.New("was edited: it is not spelled as gapseal writes an entry")
}
