// Package check is the vocabulary that all packages of gapseal share: the
// questions that are asked of a bundle, the answers, and the words in which a
// report gives them. It imports nothing of gapseal.
//
// Each question is a row of [Table]: a stable [ID] of the form class.question, its
// [Scope], what a pass means, and what to do about a fail. Reports, tests and
// docs/checks.md read from it. Its order is that of cause: a damaged blob is asked
// about before the signature that it breaks.
//
// A package that finds something wrong says so with a [Fault]. Where one question
// fails for several reasons with different remedies, the fault names its [Cause];
// [Remedy] finds the text.
//
// [Verdict], [Status], [State], [BoundBy], [VouchedBy] and [Form] are the words of
// reports. [FormatError] and [ErrTooLarge] are the errors of all packages that
// read documents from outside, and [Clip] shortens text from outside.
package check

import "strings"

// ID names a check, as class.question in lower case.
type ID string

// Class is the part of the id before the dot.
func (id ID) Class() string {
	class, _, _ := strings.Cut(string(id), ".")
	return class
}

// Question is one row of the table.
type Question struct {
	ID     ID
	Scope  Scope
	Asks   string // what a pass means
	Remedy string // what an operator does about a fail of the usual cause
}

// Scope says what a question is asked of.
type Scope string

// The scopes. For each question of the first two a report has one pass, if the
// question found nothing anywhere.
const (
	OfFile      Scope = "file"      // the file as a whole, every entry and every blob
	OfDocuments Scope = "documents" // every document that the inventory reaches
	OfRun       Scope = "run"       // the verification as a whole: anchors, demands, records
	OfMedia     Scope = "media"     // the volumes
	OfSeal      Scope = "seal"
	OfImage     Scope = "image"
	OfSignature Scope = "signature" // a signature or an attestation, with all that came with it
	OfLayer     Scope = "layer"
)

// Fault is one answer that is not a pass, as found by the package that looked.
// Expected and Found are empty where they would add nothing.
type Fault struct {
	ID       ID
	Cause    Cause  // empty for the usual cause of the check
	Subject  string // digest or name of what was looked at; empty for the bundle
	Detail   string
	Expected string
	Found    string
	Warn     bool // reported, but no reason to reject
}

// Error makes a Fault usable as an error.
func (f *Fault) Error() string {
	s := string(f.ID) + ": " + f.Detail
	if f.Subject != "" {
		s = f.Subject + ": " + s
	}
	if f.Expected != "" || f.Found != "" {
		s += " (expected " + f.Expected + ", found " + f.Found + ")"
	}
	return s
}

// Cause says why a check failed, where that decides what to do about it. Most
// checks fail for one reason, which has no name.
type Cause string

// The causes that have a remedy of their own.
const (
	CauseClock       Cause = "clock"       // a time is ahead of the host's clock
	CauseGivenTime   Cause = "given-time"  // a time is ahead of the verification time that was given
	CauseNoTime      Cause = "no-time"     // a certificate was judged, and the signature has no trusted time
	CausePlainKey    Cause = "plain-key"   // an identity was demanded, and a plain key signed
	CauseCertificate Cause = "certificate" // a key was demanded, and the key of a certificate signed
	CauseRule        Cause = "rule"        // the rule of the policy for an image says not who may sign
	CauseTag         Cause = "tag"         // the signature names another tag of the same repository and digest
	CauseAttested    Cause = "attested"    // the image is attested by a pinned signer, and not signed
	CauseDenied      Cause = "denied"      // the registry would not say whether there is evidence
	CauseNewStream   Cause = "new-stream"  // the register knows no bundle of the seal's stream
	CauseNoKey       Cause = "no-key"      // a fingerprint is pinned, and the key itself is not at hand
	CauseVoucher     Cause = "voucher"     // an attestation may vouch, and there is none of its type
	CauseVoucherBad  Cause = "voucher-bad" // an attestation may vouch, and the one that is there does not count
	CausePartly      Cause = "partly"      // an expression matches a part of an identity, and must match all of it
	CauseBuiltIn     Cause = "built-in"    // the built-in root was used, and does not know who issued or logged it
	CausePayloadType Cause = "payload"     // the signed payload is of a type that is not accepted
)

// remedies has what to do about each cause.
var remedies = map[Cause]string{
	CauseClock:       "check the clock of this host",
	CauseGivenTime:   "correct the verification time",
	CauseNoTime:      "trust the log or the timestamp authority that knows when it was signed",
	CausePlainKey:    "pin the key if the publisher confirms it out of band; otherwise do not use this image",
	CauseCertificate: "demand the identity of its certificate if the publisher confirms it out of band",
	CauseRule:        "name keys or identities in the rule of the policy",
	CauseTag:         "demand the image by the tag that was signed, or by its digest alone; or accept that tag for it",
	CauseAttested:    "if the publisher attests in place of signing, let that type of attestation vouch for the image",
	CauseDenied:      "export again with a login that may read the tags of signatures",
	CauseNewStream:   "demand the stream that you expect; the first bundle of a stream has no other before it",
	CauseNoKey:       "give the key itself: a fingerprint selects a key, and verifies nothing without it",
	CauseVoucher:     "accept the type of attestation that the publisher makes; otherwise do not use this image",
	CauseVoucherBad:  "see why the attestation does not count: the checks that name it say so",
	CausePartly:      "extend the expression to the whole identity, such as by .* at its end",
	CauseBuiltIn:     "trust the root of the Sigstore instance that signed; the built-in one is of the public one",
	CausePayloadType: "accept the type if the publisher confirms that its signatures are of it",
}

// Remedy returns what an operator can do about a fault: the remedy of its cause,
// or else that of its check.
func Remedy(f *Fault) string {
	if r := remedies[f.Cause]; r != "" {
		return r
	}
	q, _ := Lookup(f.ID)
	return q.Remedy
}

// Lookup returns the row of id; ok is false for an id that is not in the table.
func Lookup(id ID) (q Question, ok bool) {
	i, ok := index[id]
	if !ok {
		return Question{}, false
	}
	return Table[i], true
}

// Rank orders ids by cause: what is asked earlier explains what fails later. An id
// that is not in the table comes last.
func Rank(id ID) int {
	if i, ok := index[id]; ok {
		return i
	}
	return len(Table)
}

var index = func() map[ID]int {
	m := make(map[ID]int, len(Table))
	for i, q := range Table {
		m[q.ID] = i
	}
	return m
}()
