package register

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/report"
)

// Schema names the JSON form of an entry.
const Schema = "gapseal.register/v1"

// Budgets of a register.
const (
	MaxReport  = 64 << 20             // bytes of one report
	MaxEntry   = 2*MaxReport + 16<<20 // bytes of one entry: a report grows at most to twice its size as a string
	MaxEntries = 1_000_000            // entries of a register
	MaxStreams = 100_000              // streams, and builds of images under a name, whose marks are kept in memory
	maxFaults  = 1000                 // faults and strays that are listed; more are counted
)

// Entry is one verification as the register keeps it. The texts that may be
// absent are null in JSON.
type Entry struct {
	Schema       string        `json:"schema"`
	Number       int64         `json:"number"`     // from 1, as in the name of the file
	Previous     string        `json:"previous"`   // SHA-256 of the file of the previous entry; of nothing if first
	RecordedAt   time.Time     `json:"recordedAt"` // by the host's clock, in whole seconds of UTC
	Verdict      check.Verdict `json:"verdict"`
	Identity     verify.Text   `json:"identity"` // of the bundle
	TransferID   verify.Text   `json:"transferID"`
	Images       []Image       `json:"images"`
	Seal         *Seal         `json:"seal"`
	ToolVersion  string        `json:"toolVersion"`
	ReportDigest string        `json:"reportDigest"` // SHA-256 of Report
	Report       string        `json:"report"`       // the JSON report, byte for byte
	Digest       string        `json:"digest,omitzero"`
}

// Image is one image of the bundle. References are the operator's own names for
// it, none if there were none: the names that only the bundle gives set no mark.
type Image struct {
	References  []string   `json:"references"`
	Digest      string     `json:"digest"`
	TrustedTime *time.Time `json:"trustedTime"` // the latest of the signatures that count
}

// Seal is what a seal proved under a pinned key.
type Seal struct {
	KeyFingerprint  string `json:"keyFingerprint"`
	Stream          string `json:"stream"`
	Serial          uint64 `json:"serial"`
	InventoryDigest string `json:"inventoryDigest"`
}

// nothing is the Previous of the first entry and the LastEntry of an empty
// register.
var nothing = digestOf(nil)

func digestOf(b []byte) string { return string(oci.FromBytes(b)) }

// Parse reads the file of one entry, whatever its place in a register. The error
// says what is wrong with the entry itself: its form, one of its digests, or a
// member that contradicts its report.
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
		return nil, errors.New("was edited: its report does not have the SHA-256 that the entry gives for it")
	}
	if err := e.check(strings.NewReader(e.Report)); err != nil {
		return nil, err
	}
	return e, nil
}

// parseNumbered reads the entry from the file of that number.
func parseNumbered(number int64, raw []byte) (*Entry, error) {
	e, err := Parse(raw)
	if err == nil {
		err = e.placed(number)
	}
	if err != nil {
		return nil, err
	}
	return e, nil
}

// placed checks an entry that was in the file of that number.
func (e *Entry) placed(number int64) error {
	if e.Number != number {
		return fmt.Errorf("its file holds entry %d, which was moved or copied there", e.Number)
	}
	if number == 1 && e.Previous != nothing {
		return errors.New("is not the first entry of its register: it names a previous one")
	}
	return nil
}

// encode returns the file of an entry in its one spelling. e.Digest is computed
// and not read.
func encode(e *Entry) ([]byte, error) {
	var b bytes.Buffer
	b.Grow(len(e.Report) + len(e.Report)/4 + 1<<12) // the report grows by its quotes and line breaks
	err := spell(&b, e, strings.NewReader(e.Report))
	return b.Bytes(), err
}

// compare checks that raw is spelled as gapseal writes the entry. The digest is
// the last member: if nothing else differs, something before it was changed.
func compare(raw, again []byte) error {
	if bytes.Equal(raw, again) {
		return nil
	}
	const tail = len("sha256:\"}\n") + 64
	if len(raw) == len(again) && len(raw) > tail && bytes.Equal(raw[:len(raw)-tail], again[:len(again)-tail]) {
		return errors.New("was edited: it does not have the SHA-256 that it gives for itself")
	}
	return errors.New("was edited: it is not spelled as gapseal writes an entry")
}

// check checks what the JSON form alone does not guarantee, given the report.
func (e *Entry) check(doc io.Reader) error {
	if err := e.checkMembers(); err != nil {
		return err
	}
	rep, err := report.Outline(doc)
	if err != nil {
		return fmt.Errorf("its report cannot be read: %w", err)
	}
	return e.agrees(rep)
}

func (e *Entry) checkMembers() error {
	switch {
	case e.Number < 1:
		return fmt.Errorf("its number is %d, want 1 or more", e.Number)
	case e.Verdict != check.Verified && e.Verdict != check.Rejected:
		return fmt.Errorf("its verdict is %.40q, want %s or %s", e.Verdict, check.Verified, check.Rejected)
	case !inSeconds(e.RecordedAt):
		return errors.New("its time is not in whole seconds of UTC")
	case !utf8.ValidString(string(e.TransferID)): // its JSON form would say something else
		return errors.New("the id of its transfer is not UTF-8")
	case e.Seal != nil && (e.Seal.KeyFingerprint == "" || e.Seal.Stream == "" || e.Seal.InventoryDigest == ""):
		return errors.New("its seal lacks the key, the stream or the inventory")
	}
	for i := range e.Images {
		if t := e.Images[i].TrustedTime; t != nil && !inUTC(*t) {
			return errors.New("a trusted time in it is not in UTC")
		}
	}
	return nil
}

// agrees compares the entry with its report. An entry that says something else
// than the report in it could be read in two ways.
func (e *Entry) agrees(rep *verify.Report) error {
	if rep.Verdict != e.Verdict || rep.Bundle.Identity != e.Identity || len(rep.Images) != len(e.Images) {
		return errors.New("does not agree with its own report in verdict, identity or number of images")
	}
	for i := range rep.Images {
		if rep.Images[i].Digest != e.Images[i].Digest {
			return fmt.Errorf("does not agree with its own report in image %d", i+1)
		}
	}
	return nil
}

func inSeconds(t time.Time) bool { return inUTC(t) && t.Nanosecond() == 0 }

func inUTC(t time.Time) bool { return !t.IsZero() && t.Location() == time.UTC }
