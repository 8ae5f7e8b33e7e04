package verify

import (
	"crypto/sha256"
	"crypto/x509"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/lock"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
	"github.com/gapseal/gapseal/verify/tsa"
)

// session is one verification: what was asked, what was read, and what has been
// found. Each class of checks is judged by methods of its own, in its own file.
type session struct {
	recorder
	opt    Options
	limits oci.Limits
	ended  func() bool // the caller no longer waits for the result
	rep    Report

	c     *bundle.Contents
	graph *bundle.Graph // nil if there is no readable inventory
	found blobStates

	anySigner *Demands        // who may vouch for some image
	pinned    map[string]bool // fingerprints of their keys
	demand    []*demands      // on each image
	byRule    map[*Rule]*demands
	patterns  string                       // of the policy, for a message
	misnames  map[oci.Digest][]check.Fault // by index

	lockEntries map[string]*lock.Image    // by lockKey
	rules       func(oci.Reference) *Rule // of the policy, that matches a reference
	keys        []*bundleKey
	judged      map[oci.Digest]bool // by manifest: whether every part of the evidence was judged
	rooted      map[int]bool        // images that came with something of a kind that may vouch for them

	byName          map[oci.Reference][]int // images by repository, and by repository and tag
	carried         map[oci.Digest]bool     // blobs of the inventory; nil until asked
	signedManifests map[oci.Digest]bool     // attestation manifests with a good signature over them

	strengthChecked map[string]bool // fingerprints of pinned keys
	read            readings
	work            *bundle.EvidenceBudget
	unknownKeyTries int
	unknownLogTries int
	failedTries     int
	tried           map[tried]error
}

// blobStates says in which state the blobs were found. It is the part of
// [Container] that judging needs; for a plan it is [planned].
type blobStates interface {
	Has(oci.Digest) bool
	State(oci.Digest) check.State
	Whole() bool
}

// planned are the states of a bundle that is not written yet: every blob will be
// there, and none has been read.
type planned struct{}

func (planned) Has(oci.Digest) bool          { return true }
func (planned) State(oci.Digest) check.State { return check.Unread }
func (planned) Whole() bool                  { return true }

// bundleKey is a public key found in the bundle.
type bundleKey struct {
	*trust.Key
	pinned bool
}

func newSession(opt Options) *session {
	opt = opt.withoutNil()
	s := &session{
		recorder: recorder{advise: opt.Advise, tally: newTally()}, opt: opt, anySigner: opt.allSigners(),
		limits: oci.DefaultLimits(), ended: func() bool { return false }, found: planned{},
		byRule: map[*Rule]*demands{}, judged: map[oci.Digest]bool{}, rooted: map[int]bool{},
		signedManifests: map[oci.Digest]bool{}, strengthChecked: map[string]bool{}, tried: map[tried]error{},
		misnames: map[oci.Digest][]check.Fault{},
	}
	s.pinned = map[string]bool{}
	for _, name := range s.anySigner.pinned() {
		s.pinned[name] = true
	}
	at := opt.now()
	clock := opt.clock(at)
	s.rep = Report{
		Schema: Schema, VerifiedAt: at, Clock: clock, Command: append([]string{}, opt.Command...),
		Bundle:  BundleID{Path: opt.Path, Volumes: []Volume{}},
		Anchors: opt.anchors(), Waivers: opt.waivers(clock), Transfer: opt.Transfer, Tool: opt.Tool,
		Images: []Image{}, Keys: []Key{}, Blobs: []Blob{}, Checks: []Check{}, Failures: []Check{},
	}
	if p := opt.Policy; p != nil {
		s.rep.Policy = &PolicyID{Name: Text(p.Name), Path: p.Path, Digest: p.Digest}
	}
	if l := opt.Lock; l != nil {
		s.rep.Lock = &LockID{Schema: l.Schema, Path: Text(l.Path), Digest: string(l.Digest), Images: len(l.Images)}
	}
	return s
}

// newImage returns the report's entry for an image about which nothing is known.
func newImage(digest oci.Digest, reference string) Image {
	return Image{
		Digest: string(digest), ClaimedReference: reference,
		BoundBy: check.BoundByNone, VouchedBy: check.VouchedByNone,
		Platforms: []string{}, Signatures: []Signature{}, Attestations: []Attestation{}, Evidence: []Evidence{},
		LeftOut: []LeftOut{},
	}
}

// judgement is one signature or attestation with the answers to all questions
// about it. Every form of evidence is asked the same questions.
type judgement struct {
	s    *session
	sig  evidence.Evidence
	root oci.Digest // of the image that it came with
	ref  oci.Reference
	d    *demands
	rec  recorder
	info Signature

	signer  *trust.Key        // the key that made it; nil if no known key did
	leaf    *x509.Certificate // the signing certificate; nil if none came with it
	keyless bool              // judged by its certificate, not by a pinned key
	named   bool              // the payload names the image's repository
	listed  bool              // in the report, as an attestation of a platform
	voucher bool              // it is an attestation, and was asked what a signature is asked
	domain  *Domain           // that judges it
	issued  bool              // an authority of the domain issued leaf
	entries []*logged
	times   []time.Time        // trusted, of this signature
	counted map[string]bool    // the keys of trusted logs with an entry about this signature
	stamps  []*tsa.Result      // of trusted authorities, about this signature
	message *[sha256.Size]byte // digest of what was signed; nil until a key is tried
	untried int                // pinned keys that the budget kept from being tried
}

// logged is a log entry that came with a signature, and what was found about it. It
// is kept for each entry, since the checks in the report are about all entries of a
// signature together.
type logged struct {
	*rekor.LogEntry
	body   *rekor.Entry // nil if it cannot be read
	bound  bool         // it is about this very signature
	signed bool         // a trusted log signed its SET, and so its time
	proven bool         // a trusted log's checkpoint vouches for its inclusion proof
	log    *trust.Log   // nil if the log is not trusted
}

func (j *judgement) fault(f check.Fault) {
	f.Subject = j.info.Digest
	j.rec.fault(bundleWide, f)
}

func (j *judgement) pass(id check.ID, detail string) {
	j.rec.pass(bundleWide, check.Fault{ID: id, Subject: j.info.Digest, Detail: detail})
}

func (j *judgement) skip(id check.ID, detail string) {
	j.rec.add(bundleWide, check.Skip, check.Fault{ID: id, Subject: j.info.Digest, Detail: detail})
}

// note records what is no reason to reject or to warn.
func (j *judgement) note(f check.Fault) {
	f.Subject = j.info.Digest
	j.rec.add(bundleWide, check.Skip, f)
}

// passOnce records a pass for a question that is asked several times, such as of
// each log entry, unless it has failed or passed before.
func (j *judgement) passOnce(id check.ID) {
	if !j.rec.has(id, check.Fail) && !j.rec.has(id, check.Pass) {
		j.pass(id, "")
	}
}

// vouched reports whether an anchor vouches for the signer: the key is pinned, or
// a trusted authority certified one of the identities demanded.
func (j *judgement) vouched() bool {
	if j.signer == nil {
		return false
	}
	if j.keyless {
		return j.rec.has(check.CertChain, check.Pass) && j.rec.has(check.CertIdentity, check.Pass)
	}
	return j.rec.has(check.TrustKey, check.Pass)
}

// good reports whether an anchor vouches for the signer and nothing failed.
func (j *judgement) good() bool { return !j.rec.any(check.Fail) && j.vouched() }

// settle moves the answers to the session, for an image. What failed gets a status:
// a note is of no consequence, since the image stands without this evidence. late
// is that of an answer.
func (j *judgement) settle(image int, failed check.Status, late int) {
	for _, a := range j.rec.answers {
		switch {
		case a.Status == check.Fail && failed == check.Skip:
			a.note("this evidence does not count, and is not needed")
		case a.Status == check.Fail:
			a.Status = failed
		case a.Status == check.Warn && failed == check.Skip && !j.good():
			a.note("this evidence does not count, and is not needed")
		}
		a.image, a.late = image, late
		j.s.put(a)
	}
	if before, ok := j.s.judged[j.sig.Manifest]; !ok || before {
		j.s.judged[j.sig.Manifest] = j.sig.Message != nil
	}
}
