package register

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"
)

// reported is what an entry repeats of its report.
type reported struct {
	Schema  string `json:"schema"`
	Verdict string `json:"verdict"`
	Bundle  struct {
		Identity *string `json:"identity"`
	} `json:"bundle"`
	Images []struct {
		Digest string `json:"digest"`
	} `json:"images"`
}

const reportSchema = "gapseal.report/v1"

// check asks an entry for what its form does not dictate.
func (e *Entry) check() error {
	switch {
	case e.Number < 1:
		return fmt.Errorf("its number is %d, want 1 or more", e.Number)
	case e.Verdict != verified && e.Verdict != rejected:
		return fmt.Errorf("its verdict is %.40q, want %s or %s", e.Verdict, verified, rejected)
	case !inSeconds(e.RecordedAt):
		return errors.New("its time is not in whole seconds of UTC")
	case e.Seal != nil && (e.Seal.KeyFingerprint == "" || e.Seal.Stream == "" || e.Seal.InventoryDigest == ""):
		return errors.New("its seal lacks the key, the stream or the inventory")
	}
	for i := range e.Images {
		if t := e.Images[i].TrustedTime; t != nil && !inUTC(*t) {
			return errors.New("a trusted time in it is not in UTC")
		}
	}
	return e.agrees()
}

// agrees compares the entry with its report, so that neither can be read for
// something else than the other. Of the report only that is read: the library
// refuses names that stand twice and data after the end by itself.
func (e *Entry) agrees() error {
	var r reported
	if err := json.Unmarshal([]byte(e.Report), &r); err != nil {
		return fmt.Errorf("its report cannot be read: %w", err)
	}
	if r.Schema != reportSchema {
		return fmt.Errorf("the schema of its report is %.60q, want %s", r.Schema, reportSchema)
	}
	if r.Verdict != e.Verdict || !sameText(r.Bundle.Identity, e.Identity) || len(r.Images) != len(e.Images) {
		return errors.New("does not agree with its own report in verdict, identity or number of images")
	}
	for i := range r.Images {
		if r.Images[i].Digest != e.Images[i].Digest {
			return fmt.Errorf("does not agree with its own report in image %d", i+1)
		}
	}
	return nil
}

func sameText(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}

func inSeconds(t time.Time) bool { return inUTC(t) && t.Nanosecond() == 0 }

func inUTC(t time.Time) bool { return !t.IsZero() && t.Location() == time.UTC }
