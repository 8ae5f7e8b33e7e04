package verify

import (
	"fmt"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify/check"
)

// countAttestation records a judged attestation of an image. An attestation never
// stands in for a signature. If lenient, what is wrong with it is a warning.
func (s *session) countAttestation(i int, j *judgement, lenient bool) {
	j.settle(i, lenient)
	j.info.Good = j.good() && j.sig.Statement != nil
	j.info.Counts = j.info.Good && j.sig.Subject == j.root
	att := Attestation{Signature: j.info}
	if j.sig.Statement != nil && j.vouched() {
		att.PredicateType = Text(j.sig.Statement.PredicateType)
	}
	s.rep.Images[i].Attestations = append(s.rep.Images[i].Attestations, att)
}

// requiredAttestations asks for the attestations that were demanded. Attestations
// with the same signer and the same payload count once.
func (s *session) requiredAttestations(i int, g *bundle.ImageGraph, d *demands) {
	for _, want := range d.Attestations {
		want.Count = max(want.Count, 1)
		distinct := map[string]bool{}
		for _, a := range s.rep.Images[i].Attestations {
			if a.Counts && string(a.PredicateType) == want.PredicateType {
				distinct[signerName(&a.Signature)+"\n"+string(a.Payload)] = true
			}
		}
		f := check.Fault{ID: check.PolicyAttestation, Subject: string(g.Digest),
			Detail:   "attestations of type " + want.Name,
			Expected: fmt.Sprintf("at least %d that verify", want.Count), Found: fmt.Sprint(len(distinct))}
		if len(distinct) < want.Count {
			s.fault(i, f)
			continue
		}
		s.pass(i, f)
	}
}

// signerName names a signer: an identity together with the issuer that vouched for
// it, or a key.
func signerName(sig *Signature) string {
	if sig.Identity != "" {
		return string(sig.Identity + " " + sig.Issuer)
	}
	return string(sig.Key)
}
