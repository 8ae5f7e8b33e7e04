package verify

import (
	"fmt"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/verify/check"
)

// countAttestation lists a judged attestation of an image in the report.
func (s *session) countAttestation(i int, j *judgement) {
	j.info.Good = j.good() && j.sig.Statement != nil
	j.info.Counts = j.info.Good && j.sig.Subject == j.root
	att := Attestation{Signature: j.info}
	if j.sig.Statement != nil && j.vouched() {
		att.PredicateType = Text(j.sig.Statement.PredicateType)
	}
	s.rep.Images[i].Attestations = append(s.rep.Images[i].Attestations, att)
}

// requiredAttestations asks for the attestations that were demanded, and returns
// the types of which there are too few. One that is stored twice, by the same
// signer and with the same payload, counts once.
func (s *session) requiredAttestations(i int, g *bundle.ImageGraph, d *demands) (unmet map[string]bool) {
	unmet = map[string]bool{}
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
			unmet[want.PredicateType] = true
			f.Detail += s.missed(g)
			s.fault(i, f)
			continue
		}
		s.pass(i, f)
	}
	return unmet
}

// signerName names a signer: an identity together with the issuer that vouched for
// it, or a key.
func signerName(sig *Signature) string {
	if sig.Identity != "" {
		return string(sig.Identity + " " + sig.Issuer)
	}
	return string(sig.Key)
}
