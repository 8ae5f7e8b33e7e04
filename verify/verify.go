package verify

import (
	"cmp"
	"context"
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/evidence"
)

// Bundle verifies a bundle that has been opened: it judges the metadata, then
// has everything else hashed. The report is never nil unless the operating
// system refused a read or ctx ended, which is the error then. Otherwise the
// error is nil for a verified bundle and an [*Error] for a rejected one.
func Bundle(ctx context.Context, r *bundle.Reader, opt Options) (*Report, error) {
	s := newSession(opt)
	s.ended = func() bool { return ctx.Err() != nil }
	s.present, s.whole, s.state = r.Has, r.Whole, r.State
	s.rep.Bundle.Identity = Text(r.Identity())
	if r.Inventory != nil {
		s.metadata(&r.Contents)
	}
	if opt.OnMetadata != nil {
		opt.OnMetadata(s.early(r))
	}
	layers := newLayers(s)
	if err := cmp.Or(r.Hash(ctx, layers.tap, opt.Progress), ctx.Err()); err != nil {
		return nil, err
	}
	layers.judge()
	s.rollback() // last, for another verification may have ended meanwhile
	s.rep.Totals.Bytes, s.rep.Totals.Blobs = r.Totals()
	s.rep.Bundle.Size = s.rep.Totals.Bytes
	s.faults(r.Faults())
	s.unproven()
	rep := s.finish()
	s.blobs(&rep)
	return &rep, verdictError(&rep)
}

// early is the report as far as it is known before any content is read.
func (s *session) early(r *bundle.Reader) Report {
	e := *s
	e.rec.answers = slices.Clone(s.rec.answers)
	e.rep.Totals.Bytes, e.rep.Totals.Blobs = r.Totals()
	e.faults(r.Faults())
	return e.finish()
}

// Plan judges the metadata of a bundle that is yet to be written, by the same
// code and with the same result as [Bundle].
func Plan(p *bundle.Plan, opt Options) (*Report, error) {
	s := newSession(opt)
	s.rep.Bundle.Identity, s.rep.Bundle.Size = Text(p.Identity()), p.Size
	s.rep.Totals.Bytes, s.rep.Totals.Blobs = p.Size, len(p.Inventory.Blobs)+p.OwnBlobs()
	s.metadata(&p.Contents)
	s.unproven()
	rep := s.finish()
	s.blobs(&rep)
	return &rep, verdictError(&rep)
}

func verdictError(rep *Report) error {
	if rep.Verdict == check.Verified {
		return nil
	}
	return &Error{rep}
}

// session is one verification.
type session struct {
	opt      Options
	limits   oci.Limits
	anyone   *Demands // whoever may vouch for some image
	rec      recorder
	rep      Report
	c        *bundle.Contents
	graph    *bundle.Graph
	present  func(oci.Digest) bool        // whether the file holds a blob
	ended    func() bool                  // nobody waits for the result any more
	state    func(oci.Digest) check.State // in which a blob was found
	whole    func() bool                  // whether the file could be read to its end
	demand   []*demands                   // on each image
	matchers []matcher                    // of the rules of the policy
	keys     []*bundleKey
	weighed  []string            // fingerprints of the pinned keys whose strength was judged
	judged   map[oci.Digest]bool // evidence whose every part was judged
	rooted   map[int]bool        // images that came with a signature of their own
	sigs     int64               // signatures read so far
	strange  int                 // tries under keys that nobody pinned, so far
}

func newSession(opt Options) *session {
	s := &session{opt: opt, rec: recorder{advise: opt.Advise}, limits: oci.DefaultLimits(), anyone: opt.anyone(), judged: map[oci.Digest]bool{}, rooted: map[int]bool{}}
	s.present, s.whole = func(oci.Digest) bool { return true }, func() bool { return true }
	s.ended = func() bool { return false }
	s.state = func(oci.Digest) check.State { return check.Unread }
	at := opt.now()
	s.rep = Report{
		Schema: Schema, VerifiedAt: at, Clock: opt.clock(at), Bundle: BundleID{Path: opt.Path, Volumes: []Volume{}},
		Anchors: opt.anchors(), Waivers: opt.waivers(opt.clock(at)), Tool: opt.Tool,
		Images: []Image{}, Keys: []Key{}, Blobs: []Blob{}, Command: append([]string{}, opt.Command...), Checks: []Check{}, Failures: []Check{},
	}
	if p := opt.Policy; p != nil {
		s.rep.Policy = &PolicyID{Name: Text(p.Name), Path: p.Path, Digest: p.Digest}
	}
	s.rep.Transfer = opt.Transfer
	return s
}

// metadata judges everything that needs no layer.
func (s *session) metadata(c *bundle.Contents) {
	s.c, s.limits = c, c.Limits.WithDefaults()
	s.graph = c.Walk()
	for _, f := range s.graph.Faults {
		s.rec.fault(bundleWide, f)
	}
	s.layout()
	s.readKeys()
	s.anchorStrength()
	s.sealed()
	for i := range s.graph.Images {
		if s.ended() {
			return // the caller is told so, and there is no report
		}
		s.image(i)
	}
	s.unsignedImages()
	s.demandedImages()
	s.requiredRules()
	s.transferred()
	s.exportWaivers()
}

// Judge judges one piece of evidence without the bundle it would travel in, by
// the same code as [Bundle]. The evidence must be as package evidence reads it.
// ref is the name that the image is known by; only a signature of cosign's first
// generation names one to compare it with, for others it may be zero.
//
// The report's one image is the subject. Signatures stand with it as such; what
// is only an attestation stands among its attestations, so a verdict of verified
// says that somebody trusted said this of the subject, not that they signed it.
// Demands on a signature (annotations, age) are put to either.
//
// The report is never nil. The error is nil for a verdict of verified and an
// [*Error] otherwise. Options that speak of a whole bundle (such as Images,
// Platforms, Attestations, SealKeys, Policy, Known, Deep) cannot be met, and
// reject.
func Judge(e evidence.Evidence, ref oci.Reference, opt Options) (*Report, error) {
	s := newSession(opt)
	s.judgeKeys()
	s.anchorStrength()
	s.bundleDemands()
	s.rep.Images = []Image{{Digest: string(e.Subject), ClaimedReference: ref.Name(), BoundBy: check.BoundByNone, VouchedBy: check.VouchedByNone,
		Platforms: []string{}, Signatures: []Signature{}, Attestations: []Attestation{}, Evidence: []Evidence{}}}
	g := &bundle.ImageGraph{}
	g.Digest = e.Subject
	j := s.judge(g, ref, s.demandsOn(ref), e)
	j.subject()
	if !e.IsSignature() && e.Statement != nil {
		j.demands(j.statementClaims()) // which judge asks of signatures alone
	}
	s.settle(0, j, false)
	if !e.IsSignature() {
		s.asAttestation(j)
	}
	if !s.rec.any(check.Fail) && !j.info.Counts {
		s.bundleFault(&check.Fault{ID: check.Internal, Detail: "no check failed, and yet the evidence does not count"})
	}
	rep := s.conclude()
	return &rep, verdictError(&rep)
}

// bundleDemands refuses what one piece of evidence cannot answer.
func (s *session) bundleDemands() {
	o := &s.opt
	asked := len(o.Images)+len(o.Platforms)+len(o.Attestations)+len(o.SealKeys) > 0 || o.RequireChildren || o.Deep
	if asked || o.Policy != nil || o.Known != nil {
		s.bundleFault(&check.Fault{ID: check.PolicyNotJudged, Detail: "images, platforms, attestations, a seal, layers, a policy or a history were demanded, which one piece of evidence cannot show"})
	}
}

// subject asks what the blob checks of a bundle see to: that there is a subject,
// and that a message signature was put to the very bytes it names.
func (j *judgement) subject() {
	_, err := oci.ParseDigest(string(j.sig.Subject))
	message := j.sig.Envelope == nil && j.sig.Form != check.FormSimpleSigning
	switch {
	case err != nil:
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the subject: " + err.Error()})
	case j.sig.Message == nil && !j.rec.any(check.Fail):
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "what was signed is not at hand", Expected: string(j.sig.Subject), Found: "nothing"})
	case j.sig.Message != nil && message && oci.FromBytes(j.sig.Message) != j.sig.Subject:
		j.fault(check.Fault{ID: check.BlobDigest, Detail: "the message is not the subject", Expected: string(j.sig.Subject), Found: string(oci.FromBytes(j.sig.Message))})
	}
}

// asAttestation moves the one signature of the report to the attestations.
func (s *session) asAttestation(j *judgement) {
	img := &s.rep.Images[0]
	img.Signatures = slices.Delete(img.Signatures, 0, 1)
	img.VouchedBy = check.VouchedByNone
	att := Attestation{Signature: j.info}
	if j.sig.Statement != nil && j.vouched() {
		att.PredicateType = Text(j.sig.Statement.PredicateType)
	}
	img.Attestations = append(img.Attestations, att)
}
