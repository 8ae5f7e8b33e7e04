package verify

import (
	"fmt"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify/check"
)

// Attestation is one in-toto statement about an image or one of its platforms.
type Attestation struct {
	Signature
	PredicateType Text `json:"predicateType"`
}

// attestation records a judged attestation. It never stands in for a signature,
// and one that is wrong is a warning: it is not counted.
func (s *session) attestation(i int, j *judgement) {
	for _, a := range j.rec.answers {
		if a.Status == check.Fail {
			a.Status = check.Warn
		}
		a.image = i
		s.rec.answers = append(s.rec.answers, a)
	}
	j.info.Good = j.good() && j.sig.Statement != nil
	j.info.Counts = j.info.Good && j.sig.Subject == j.root
	att := Attestation{Signature: j.info}
	if j.sig.Statement != nil && j.vouched() {
		att.PredicateType = Text(j.sig.Statement.PredicateType)
	}
	s.rep.Images[i].Attestations = append(s.rep.Images[i].Attestations, att)
	s.markJudged(j)
}

// requiredAttestations checks that what was demanded is there: none is a
// rejection.
func (s *session) requiredAttestations(i int, g *bundle.ImageGraph, d *demands) {
	for _, want := range d.Attestations {
		said := map[string]bool{} // by whom, and what: stored twice is said once
		for _, a := range s.rep.Images[i].Attestations {
			if a.Counts && string(a.PredicateType) == want.PredicateType {
				said[signerName(&a.Signature)+"\n"+string(a.Payload)] = true
			}
		}
		found := len(said)
		f := check.Fault{ID: check.PolicyAttestation, Subject: string(g.Digest), Detail: "attestations of type " + want.Name, Expected: fmt.Sprintf("at least %d that verify", want.Count), Found: fmt.Sprint(found)}
		if found < want.Count {
			s.rec.fault(i, &f)
			continue
		}
		s.rec.add(i, check.Pass, f)
	}
}

// signerName tells who said something: an identity by the issuer that vouched
// for it, or a key.
func signerName(sig *Signature) string {
	if sig.Identity != "" {
		return string(sig.Identity + " " + sig.Issuer)
	}
	return string(sig.Key)
}
