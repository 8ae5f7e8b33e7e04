package register

import (
	"time"

	"github.com/gapseal/gapseal/oci"
)

// Schema names the JSON form of an entry.
const Schema = "gapseal.register/v1"

// Budgets of a register.
const (
	MaxReport  = 64 << 20             // bytes of one report
	MaxEntry   = 2*MaxReport + 16<<20 // bytes of one entry: as a string a report grows, at most to twice its size
	MaxEntries = 1_000_000            // entries of a register
	MaxStreams = 100_000              // streams, and names of images, whose marks are kept in memory
	maxFaults  = 1000                 // faults and strays that are listed; more are counted
)

// Entry is one verification as the register keeps it. What is absent is nil.
type Entry struct {
	Schema       string    `json:"schema"`
	Number       int64     `json:"number"`     // from 1, as in the name of the file
	Previous     string    `json:"previous"`   // SHA-256 of the file of the entry before, of nothing for the first
	RecordedAt   time.Time `json:"recordedAt"` // by the host's clock, in whole seconds of UTC
	Verdict      string    `json:"verdict"`    // verified or rejected
	Identity     *string   `json:"identity"`   // of the bundle
	TransferID   *string   `json:"transferID"`
	Images       []Image   `json:"images"`
	Seal         *Seal     `json:"seal"`
	ToolVersion  string    `json:"toolVersion"`
	ReportDigest string    `json:"reportDigest"` // SHA-256 of the report's bytes
	Report       string    `json:"report"`       // the report itself, byte for byte
	Digest       string    `json:"digest,omitzero"`
}

// Image is one image of the bundle. References are the operator's own names for
// it, none if there were none: what a bundle says of itself makes no mark.
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

// The verdicts, as in the report.
const (
	verified = "verified"
	rejected = "rejected"
)

// nothing is the Previous of the first entry, and the last entry of none.
var nothing = digestOf(nil)

func digestOf(b []byte) string { return string(oci.FromBytes(b)) }
