package verify

import (
	"slices"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/evidence"
)

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
	s.rep.Images = []Image{{Digest: string(e.Subject), ClaimedReference: ref.Name(), BoundBy: "none",
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
	if !s.rec.any(Fail) && !j.info.Counts {
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
	message := j.sig.Envelope == nil && j.sig.Form != evidence.FormSimpleSigning
	switch {
	case err != nil:
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "the subject: " + err.Error()})
	case j.sig.Message == nil && !j.rec.any(Fail):
		j.fault(check.Fault{ID: check.SignatureClaims, Detail: "what was signed is not at hand", Expected: string(j.sig.Subject), Found: "nothing"})
	case j.sig.Message != nil && message && oci.FromBytes(j.sig.Message) != j.sig.Subject:
		j.fault(check.Fault{ID: check.BlobDigest, Detail: "the message is not the subject", Expected: string(j.sig.Subject), Found: string(oci.FromBytes(j.sig.Message))})
	}
}

// asAttestation moves the one signature of the report to the attestations.
func (s *session) asAttestation(j *judgement) {
	img := &s.rep.Images[0]
	img.Signatures = slices.Delete(img.Signatures, 0, 1)
	att := Attestation{Signature: j.info}
	if j.sig.Statement != nil && j.vouched() {
		att.PredicateType = Text(j.sig.Statement.PredicateType)
	}
	img.Attestations = append(img.Attestations, att)
}
