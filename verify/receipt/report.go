package receipt

import (
	"errors"
	"fmt"
	"time"

	"github.com/gapseal/gapseal/internal/strict"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// Finding is what a receipt's report says, as far as a reader of the receipt is
// told. It comes from whoever signed the receipt and, in part, from the bundle:
// escape it before showing it.
type Finding struct {
	Schema     string        `json:"schema"`
	Verdict    check.Verdict `json:"verdict"`
	VerifiedAt string        `json:"verifiedAt"` // RFC 3339
	Bundle     struct {
		Path     string  `json:"path"`
		Size     int64   `json:"size"` // in bytes
		Identity *string `json:"identity"`
	} `json:"bundle"`
	Anchors []struct {
		Kind        string `json:"kind"`
		Fingerprint string `json:"fingerprint"`
		Source      string `json:"source"`
		Path        string `json:"path"`
		Name        string `json:"name"`
	} `json:"anchors"`
	Waivers []string `json:"waivers"`
	Images  []struct {
		Digest    string        `json:"digest"`
		Reference string        `json:"claimedReference"`
		BoundBy   check.BoundBy `json:"boundBy"`
		Verdict   string        `json:"verdict"`
	} `json:"images"`
	Transfer *struct {
		ID *string `json:"id"`
	} `json:"transfer"`
	Failures []struct {
		ID     string `json:"id"`
		Detail string `json:"detail"`
	} `json:"failures"`
	Tool struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"tool"`
}

// readReport reads what a receipt needs of a JSON report, strictly: a member may
// be new, none may be there twice or in another case.
func readReport(raw []byte) (f Finding, err error) {
	if err := strict.Unmarshal(raw, &f); err != nil {
		return f, fmt.Errorf("the report: %w", err)
	}
	if f.Schema != verify.Schema {
		return f, fmt.Errorf("the report's schema: want %s, found %.60q", verify.Schema, f.Schema)
	}
	if err := f.check(); err != nil {
		return f, fmt.Errorf("the report: %w", err)
	}
	return f, nil
}

// transferID is what the report calls the transfer, empty if it does not.
func (f *Finding) transferID() string {
	if f.Transfer == nil || f.Transfer.ID == nil {
		return ""
	}
	return *f.Transfer.ID
}

// check asks for what every report of gapseal has.
func (f *Finding) check() error {
	if _, err := time.Parse(time.RFC3339, f.VerifiedAt); err != nil {
		return fmt.Errorf("verifiedAt: want RFC 3339, found %.60q", f.VerifiedAt)
	}
	if f.Bundle.Identity != nil {
		if _, err := oci.ParseDigest(*f.Bundle.Identity); err != nil {
			return fmt.Errorf("identity: %w", err)
		}
	}
	switch {
	case f.Verdict != check.Verified && f.Verdict != check.Rejected:
		return fmt.Errorf("the verdict is %.60q", f.Verdict)
	case f.Bundle.Size < 0 || f.Bundle.Size >= 1<<53:
		return fmt.Errorf("the bundle has %d bytes", f.Bundle.Size)
	case (f.Verdict == check.Verified) != (len(f.Failures) == 0):
		return errors.New("verdict and failures do not agree")
	case f.Verdict == check.Verified && (f.Bundle.Identity == nil || len(f.Images) == 0):
		return errors.New("it says verified of a bundle without an identity or without an image")
	}
	return nil
}
