package evidence

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/dsse"
	"github.com/gapseal/gapseal/verify/rekor"
)

// Evidence is one signature and everything that came with it, in the same type
// for each form in which it can be stored:
//
//	form               Message               Payload     Statement
//	simple signing     the payload           the same    nil
//	message signature  the image's manifest  nil         nil
//	DSSE envelope      its PAE               statement   as read
//	bare statement     nil: it is unsigned   statement   as read
//
// The signature must verify over Message, and a log entry or a timestamp must be
// about Message and Signature. What could not be read is nil, and Problems says
// why, except for a missing or damaged blob, which the blob checks report. If
// Statement is set and there is no problem with the id signature.claims, the
// statement is about Subject. The claims of simple signing are not read here.
//
// Nothing in it has been verified. Cert, Chain, Hint, Entries and Timestamps are
// claims that anyone who may push to the repository can make.
type Evidence struct {
	Form     check.Form
	Manifest oci.Digest // the manifest that stores it
	Layer    int        // which of its layers
	Subject  oci.Digest // the image it is stored for

	Message   []byte     // the bytes that are signed
	Signature []byte     // over Message
	Payload   []byte     // what Message carries: a simple signing payload or an in-toto statement
	Statement *Statement // nil unless Payload is one

	Envelope *dsse.Envelope // what Message was made from, nil unless it is a DSSE envelope

	Cert       []byte            // DER of the signing certificate, nil for a plain key
	Chain      [][]byte          // DER of the certificates that came after it
	Hint       string            // which public key was used, as the signer names it
	Entries    []*rekor.LogEntry // those that could be read
	Timestamps [][]byte          // DER of RFC 3161 TimeStampResp, as found
	Rekor      []byte            // the annotation that holds the log entry, first generation only

	Problems []*check.Fault
}

// ID names the evidence in a report: by its manifest, and by its layer unless
// that is the first.
func (e *Evidence) ID() string {
	if e.Layer == 0 {
		return string(e.Manifest)
	}
	return fmt.Sprintf("%s#%d", e.Manifest, e.Layer)
}

// IsSignature reports whether this is a signature of the image: simple signing,
// a message signature, or a statement of the sign predicate. Everything else is
// an attestation, which states something about the image and must never count
// as its signature. A statement that could not be read is an attestation too.
func (e *Evidence) IsSignature() bool {
	switch {
	case e.Form == check.FormSimpleSigning:
		return true
	case e.Signature == nil:
		return false
	case e.Envelope != nil:
		return e.Statement != nil && e.Statement.PredicateType == SignPredicate
	}
	return true // a message signature
}

func (e *Evidence) problem(faults ...*check.Fault) { e.Problems = append(e.Problems, faults...) }

// Read returns the evidence that a manifest of this kind stores for subject, or
// nil for a kind that this package does not read. blob returns metadata by
// digest, nil for what is missing or damaged; the manifest must be there. A
// fault of the manifest as a whole is repeated in each piece of evidence.
func Read(kind oci.Kind, manifest, subject oci.Digest, blob func(oci.Digest) []byte) []Evidence {
	switch kind {
	case oci.KindSignature:
		return ReadCosign(manifest, subject, blob)
	case oci.KindAttestation:
		return ReadAttestations(manifest, subject, blob)
	case oci.KindBundle:
		return ReadReferrer(manifest, subject, blob)
	case oci.KindInToto:
		return ReadInToto(manifest, subject, blob)
	}
	return nil
}

// MaxSize is the budget for an envelope or a Sigstore bundle, in bytes.
const MaxSize = 16 << 20

func encodingFault(format string, args ...any) *check.Fault {
	return fault(check.SignatureEncoding, format, args...)
}

func claimsFault(format string, args ...any) *check.Fault {
	return fault(check.SignatureClaims, format, args...)
}

// rekorFault returns an error of package rekor as a fault with this id, or with
// the id of a budget if one was exceeded.
func rekorFault(id check.ID, err error) *check.Fault {
	if errors.Is(err, check.ErrTooLarge) {
		id = check.LimitEntry
	}
	return fault(id, "%v", err)
}

func fault(id check.ID, format string, args ...any) *check.Fault {
	return &check.Fault{ID: id, Detail: check.Clip(fmt.Sprintf(format, args...))}
}

// tooLarge returns a fault for a document over [MaxSize], and nil otherwise.
func tooLarge(what string, raw []byte) *check.Fault {
	if len(raw) <= MaxSize {
		return nil
	}
	return &check.Fault{ID: check.LimitEvidence, Detail: what,
		Expected: fmt.Sprintf("at most %d bytes", MaxSize), Found: fmt.Sprintf("%d bytes", len(raw))}
}

// decodeHex decodes what is known to be hex.
func decodeHex(s string) []byte {
	raw, _ := hex.DecodeString(s)
	return raw
}
