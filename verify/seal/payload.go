package seal

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/dsse"
)

// payload is a statement as it is written.
type payload struct {
	ExportedAt string `json:"exportedAt"`
	Inventory  string `json:"inventory"`
	Schema     string `json:"schema"`
	Serial     uint64 `json:"serial"`
	Stream     string `json:"stream"`
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

func (s *Statement) encode() ([]byte, error) {
	return dsse.Canonical(&payload{s.ExportedAt.UTC().Format(time.RFC3339), string(s.Inventory), Schema, s.Serial, s.Stream})
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
	s := &Statement{oci.Digest(p.Inventory), p.Stream, p.Serial, at.UTC()}
	if err := s.check(); err != nil {
		return nil, err
	}
	if again, err := s.encode(); err != nil || !bytes.Equal(again, raw) {
		return nil, errors.New("want canonical JSON with every member, and a time in whole seconds of UTC")
	}
	return s, nil
}
