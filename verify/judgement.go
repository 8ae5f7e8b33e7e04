package verify

import (
	"crypto/x509"
	"time"

	"github.com/gapseal/gapseal/bundle"
	"github.com/gapseal/gapseal/internal/check"
	"github.com/gapseal/gapseal/oci"
	"github.com/gapseal/gapseal/verify/evidence"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
	"github.com/gapseal/gapseal/verify/tsa"
)

// judgement is one signature, or one attestation, with the answers to all
// questions about it. Every form is asked the same.
type judgement struct {
	s       *session
	sig     evidence.Evidence
	root    oci.Digest // of the image the signature came with
	ref     oci.Reference
	d       *demands
	rec     recorder
	info    Signature
	entries []*logged
	signer  *trust.Key        // nil unless some key at hand verifies
	leaf    *x509.Certificate // nil for a plain key
	keyless bool              // judged by its certificate
	times   []time.Time       // trusted, of this signature
	counted []*rekor.LogEntry // about this signature, and a trusted log's
	stamps  []*tsa.Result     // over this signature, by a trusted authority
	named   bool              // the payload names the image's repository
}

func (s *session) judge(g *bundle.ImageGraph, ref oci.Reference, d *demands, sig evidence.Evidence) *judgement {
	j := &judgement{s: s, sig: sig, root: g.Digest, ref: ref, d: d}
	j.info = Signature{Form: sig.Form, Digest: sig.ID(), Subject: string(sig.Subject)}
	for _, f := range sig.Problems {
		j.fault(*f)
	}
	if sig.Message == nil {
		j.oversized()
		j.skip(check.SignatureClaims, "there is nothing to judge that was signed")
		return j
	}
	c := j.claims()
	j.readEntries()
	j.readCertificate()
	j.crypto()
	j.hint()
	for _, l := range j.entries {
		j.bindEntry(l)
		j.log(l)
	}
	j.timestamps()
	j.windows()
	j.thresholds()
	j.certificate()
	if c != nil && j.vouched() {
		j.info.Payload = RawJSON(j.sig.Payload)
	}
	if c != nil && j.sig.IsSignature() {
		j.demands(c)
	}
	j.encodingPass()
	return j
}

// demands asks what the operator wants of a signature, one and the same.
func (j *judgement) demands(c *claim) {
	if c.reference != nil {
		j.reference(*c.reference)
	}
	j.annotations(c)
	j.age()
}

// good reports whether an anchor vouches for who signed and nothing failed.
func (j *judgement) good() bool {
	for _, a := range j.rec.answers {
		if a.Status == Fail {
			return false
		}
	}
	return j.vouched()
}

// vouched reports whether an anchor vouches for who made the signature: a
// pinned key, or a trusted certificate authority for the identity asked for.
func (j *judgement) vouched() bool {
	if j.signer == nil {
		return false
	}
	if j.keyless {
		return j.rec.has(check.CertChain, Pass) && j.rec.has(check.CertIdentity, Pass)
	}
	return j.rec.has(check.TrustKey, Pass)
}

func (j *judgement) fault(f check.Fault) {
	f.Subject = j.sig.ID()
	j.rec.fault(bundleWide, &f)
}

func (j *judgement) pass(id check.ID, detail string) {
	j.rec.add(bundleWide, Pass, check.Fault{ID: id, Subject: j.sig.ID(), Detail: detail})
}

func (j *judgement) skip(id check.ID, detail string) {
	j.rec.add(bundleWide, Skip, check.Fault{ID: id, Subject: j.sig.ID(), Detail: detail})
}

// passOnce records a pass for a question asked of several log entries, unless
// one of them failed.
func (j *judgement) passOnce(id check.ID) {
	if !j.rec.has(id, Fail) && !j.rec.has(id, Pass) {
		j.pass(id, "")
	}
}

func (j *judgement) encodingPass() {
	if !j.rec.has(check.SignatureEncoding, Fail) {
		j.pass(check.SignatureEncoding, "")
	}
}
