package verify

import (
	"encoding/json"
	"time"

	"github.com/gapseal/gapseal/verify/check"
)

// Schema names the JSON form of a report. Members may be added to it, and none is
// removed.
const Schema = "gapseal.report/v1"

// Text is a string that is null in JSON if it is empty.
type Text string

// MarshalJSON writes null for the empty text.
func (t Text) MarshalJSON() ([]byte, error) {
	if t == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(t))
}

// Report says what was asked of a bundle and what the answers were. Its JSON form
// is described in docs/report.md.
type Report struct {
	Schema     string        `json:"schema"`
	Verdict    check.Verdict `json:"verdict"`
	VerifiedAt time.Time     `json:"verifiedAt"` // the verification time
	Clock      Clock         `json:"clock"`
	Command    []string      `json:"command"` // as it was called, without credentials
	Bundle     BundleID      `json:"bundle"`
	Anchors    []Anchor      `json:"anchors"`
	Waivers    []string      `json:"waivers"`
	Policy     *PolicyID     `json:"policy"`
	Lock       *LockID       `json:"lock"`
	Transfer   *Transfer     `json:"transfer"` // the record of the media, which nothing proves
	Seal       *Seal         `json:"seal"`     // only if a pinned key made it for this inventory
	Images     []Image       `json:"images"`
	Loaded     *Loaded       `json:"loaded"`     // what was loaded where; none unless that was asked for
	Keys       []Key         `json:"bundleKeys"` // found in the bundle, which does not make them trusted
	Blobs      []Blob        `json:"blobs"`      // by digest
	Checks     []Check       `json:"checks"`
	Failures   []Check       `json:"failures"` // the failed checks again, first cause first
	Totals     Totals        `json:"totals"`
	Tool       Tool          `json:"tool"`
}

// BundleID names the file. Identity is the SHA-256 of index.json, which fixes
// every byte of a verified bundle; FileDigest is that of the whole file, on
// request.
type BundleID struct {
	Path       string `json:"path"`
	Size       int64  `json:"size"`
	Identity   Text   `json:"identity"`
	FileDigest Text   `json:"fileDigest"`
	// Volumes are the files that the bundle was read from, in order; none for a
	// bundle in one file.
	Volumes []Volume `json:"volumes"`
}

// Volume is one file of a bundle that came in several.
type Volume struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	Digest Text   `json:"digest"` // of the file as found, only on request
}

// Anchor is something the operator trusts beforehand.
type Anchor struct {
	Kind        string `json:"kind"`        // key, identity, seal, log, root, ca, ctlog or tsa
	Fingerprint Text   `json:"fingerprint"` // sha256:…; none for an identity
	Source      string `json:"source"`      // file, fingerprint, flag, policy or built-in
	Path        Text   `json:"path"`
	Name        Text   `json:"name"`
	// Newest is when the newest entry of a trusted root began to be valid, which
	// shows how old the root is.
	Newest *time.Time `json:"newest"`
}

// PolicyID names the policy file that was applied.
type PolicyID struct {
	Name   Text   `json:"name"` // as the policy names itself
	Path   string `json:"path"`
	Digest string `json:"digest"` // SHA-256 of the file
}

// LockID names the lock whose images were demanded.
type LockID struct {
	Schema string `json:"schema"` // the form of the lock
	Path   Text   `json:"path"`
	Digest string `json:"digest"` // SHA-256 of the file
	Images int    `json:"images"` // how many it lists
}

// Clock says where the verification time comes from.
type Clock struct {
	Source string    `json:"source"` // host, or --at for a time that was given
	Host   time.Time `json:"host"`   // what the host's clock said
}

// Seal is the sender's signature over the inventory, by a pinned key.
type Seal struct {
	Key        string    `json:"keyFingerprint"`
	Stream     string    `json:"stream"`
	Serial     uint64    `json:"serial"`
	ExportedAt time.Time `json:"exportedAt"`
	Inventory  string    `json:"inventory"` // digest of its manifest
}

// Image is one image under one reference.
type Image struct {
	Digest           string          `json:"digest"`
	ClaimedReference string          `json:"claimedReference"` // no signature covers a tag
	BoundBy          check.BoundBy   `json:"boundBy"`
	VouchedBy        check.VouchedBy `json:"vouchedBy"`   // what makes it acceptable, or none
	VouchedType      Text            `json:"vouchedType"` // predicate type of the attestations that vouch
	Verdict          check.Verdict   `json:"verdict"`
	Platforms        []string        `json:"platforms"`
	Signatures       []Signature     `json:"signatures"`
	Attestations     []Attestation   `json:"attestations"`
	Evidence         []Evidence      `json:"evidence"`
	LeftOut          []LeftOut       `json:"leftOut"` // what export found and did not carry
}

// LeftOut is something about an image that export found and did not carry.
type LeftOut struct {
	Subject string `json:"subject"`
	Tag     Text   `json:"tag"`    // where it was looked for
	Digest  Text   `json:"digest"` // if it is known
	Type    Text   `json:"type"`   // what it claimed to be
	Reason  string `json:"reason"` // a code of the bundle format
	Text    string `json:"text"`   // the reason in words
}

// Vouching lists the signatures that vouch for the image: those of an attestation
// or of each platform, if that is what vouches, and none for a sender.
func (img *Image) Vouching() (list []*Signature) {
	if img.VouchedBy == check.VouchedBySignature {
		for i := range img.Signatures {
			if img.Signatures[i].Counts {
				list = append(list, &img.Signatures[i])
			}
		}
		return list
	}
	ofPlatforms := img.VouchedBy == check.VouchedByPlatformAttestation
	if !ofPlatforms && img.VouchedBy != check.VouchedByAttestation {
		return nil
	}
	for i := range img.Attestations {
		a := &img.Attestations[i]
		if a.PredicateType == img.VouchedType && (a.Counts || ofPlatforms && a.Good) {
			list = append(list, &a.Signature)
		}
	}
	return list
}

// Signature is one signature found for an image or one of its platforms.
type Signature struct {
	// Counts says that the signature was made for the image itself and met every
	// demand at once. A signature of a child is reported but does not count: it is
	// the index's signature that vouches for the child, by its digest.
	Counts      bool       `json:"counts"`
	Good        bool       `json:"good"` // it met every demand, for the image or for a child
	Form        check.Form `json:"form"`
	Digest      string     `json:"digest"`  // the manifest that stores it, #n for a layer after the first
	Subject     string     `json:"subject"` // the image or child it is stored for
	Payload     RawJSON    `json:"payload"`
	Key         Text       `json:"key"` // fingerprint of the key that made it
	Log         *LogEntry  `json:"log"`
	Identity    Text       `json:"identity"`             // of the certificate, if it matches one that was demanded
	Issuer      Text       `json:"issuer"`               // that vouched for the identity
	TrustedTime *time.Time `json:"trustedTime"`          // from a trusted log or timestamp authority
	TimeSource  Text       `json:"timeSource"`           // log or tsa
	CA          Text       `json:"certificateAuthority"` // entry of the trusted root that vouched for the certificate
	TSA         Text       `json:"timestampAuthority"`   // entry of the trusted root that vouched for a timestamp

	matched string // which of the demanded identities the certificate matches; empty for a key

	rekor RawJSON // the Rekor bundle as found, for the cosign-style output
}

// RekorBundle returns the Rekor bundle of a signature that counts, as cosign
// prints it, nil if it came without one.
func (s *Signature) RekorBundle() RawJSON { return s.rekor }

// Attestation is one in-toto statement about an image or one of its platforms.
type Attestation struct {
	Signature
	PredicateType Text `json:"predicateType"`
	// Manifest is the attestation manifest that was signed in place of the statement
	// itself. Payload is then the statement that it names by digest.
	Manifest Text `json:"manifest"`
}

// LogEntry says where a signature was logged.
type LogEntry struct {
	LogID          string     `json:"logID"`
	Log            Text       `json:"log"` // name of the trusted log that vouched for it
	LogIndex       int64      `json:"logIndex"`
	IntegratedTime *time.Time `json:"integratedTime"` // if a trusted log signed it
	Kind           Text       `json:"kind"`
}

// Evidence is one piece of evidence that the bundle carries for an image.
type Evidence struct {
	Digest  string `json:"digest"`
	Kind    string `json:"kind"`
	Subject string `json:"subject"`
	Judged  bool   `json:"judged"`
}

// Key is a public key found in the bundle.
type Key struct {
	Fingerprint string `json:"fingerprint"`
	Pinned      bool   `json:"pinned"`
	PEM         string `json:"pem"`
}

// Blob is one blob that the inventory lists, a part of the inventory itself or of
// the seal, or a blob that should not be there.
type Blob struct {
	Digest    string      `json:"digest"`
	Size      int64       `json:"size"`
	MediaType Text        `json:"mediaType"` // by the manifest that names it
	Roles     []string    `json:"roles"`
	Images    []string    `json:"images"` // digests of images to which it belongs, at most 16
	State     check.State `json:"state"`
}

// Check is one question with its answer. Subject is a digest or a name; if it is
// empty, the bundle as a whole is meant.
type Check struct {
	ID       check.ID     `json:"id"`
	Class    string       `json:"class"`
	Status   check.Status `json:"status"`
	Subject  Text         `json:"subject"`
	Detail   string       `json:"detail"`
	Expected Text         `json:"expected"`
	Found    Text         `json:"found"`
	Remedy   Text         `json:"remedy"`
}

// Totals counts what was read. JudgedBytes are those that a chain of digests ties
// to a signature that counts, and the evidence that was judged.
type Totals struct {
	Bytes         int64 `json:"bytes"`
	JudgedBytes   int64 `json:"judgedBytes"`
	UnjudgedBytes int64 `json:"unjudgedBytes"`
	Blobs         int   `json:"blobs"`
}

// Tool names the program that verified.
type Tool struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Go      string `json:"go"`
	Digest  Text   `json:"digest"` // SHA-256 of the program's own file
}

// RawJSON is a JSON document that is kept as it is, null if empty.
type RawJSON []byte

// MarshalJSON writes the document.
func (r RawJSON) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}

// UnmarshalJSON keeps the document as it is.
func (r *RawJSON) UnmarshalJSON(doc []byte) error {
	*r = append((*r)[:0], doc...)
	return nil
}

// Error says that a bundle was rejected, and carries the full report.
type Error struct{ Report *Report }

// Error names the first cause.
func (e *Error) Error() string {
	f := e.Report.Failures
	if len(f) == 0 {
		return "rejected"
	}
	s := "rejected: " + string(f[0].ID) + ": " + f[0].Detail
	if len(f) > 1 {
		s += " (and more)"
	}
	return s
}
