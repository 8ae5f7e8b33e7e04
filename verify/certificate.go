package verify

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
)

// readCertificate parses the signing certificate, if one came.
func (j *judgement) readCertificate() {
	if j.sig.Cert == nil {
		if len(j.sig.Chain) > 0 {
			j.fault(check.Fault{ID: check.CertEncoding,
				Detail: "a chain of certificates came without the certificate that it is for"})
		}
		return
	}
	leaf, err := cert.Parse(j.sig.Cert)
	if err != nil {
		j.fault(check.Fault{ID: check.CertEncoding, Detail: err.Error()})
		return
	}
	j.leaf = leaf
	for _, der := range j.sig.Chain {
		if _, err := cert.Parse(der); err != nil {
			j.fault(check.Fault{ID: check.CertEncoding,
				Detail: "the chain that came with the certificate: " + err.Error()})
			return
		}
	}
}

// certificate judges a keyless signature: the chain at the time of signing, the
// promises of the certificate logs, and the identity. It is judged only if an
// identity was demanded; under a pinned key a certificate proves nothing.
func (j *judgement) certificate() {
	if !j.keyless {
		if j.leaf != nil && j.vouched() {
			j.skip(check.PolicyNotJudged, "not judged: a certificate came with the signature of a pinned key, "+
				"and no identity was demanded; it proves nothing")
		}
		return
	}
	if j.leaf == nil {
		if j.sig.Cert == nil {
			j.fault(check.Fault{ID: check.CertChain, Cause: check.CausePlainKey,
				Detail:   "an identity was demanded, and the signature was made by a plain key",
				Expected: "a certificate", Found: "none"})
		}
		return
	}
	j.chain()
	id, err := cert.ReadIdentity(j.leaf)
	if err != nil {
		j.fault(check.Fault{ID: check.CertEncoding, Detail: err.Error()})
		return
	}
	j.passOnce(check.CertEncoding)
	j.identity(id)
}

// chain checks the certificate chain at every trusted time.
func (j *judgement) chain() {
	times := j.times
	if len(times) == 0 {
		times = []time.Time{{}} // for which package cert returns ErrNoTime
	}
	for _, at := range times {
		c, err := cert.VerifyChain(j.leaf, j.domain.CAs, at)
		if err != nil {
			f := check.Fault{ID: check.CertChain, Detail: err.Error()}
			if errors.Is(err, cert.ErrNoTime) {
				f.Cause = check.CauseNoTime
				f.Expected, f.Found = "a time from a trusted log or timestamp authority", "none"
			}
			if !j.issued {
				f.Cause = cmp.Or(j.ofAnotherInstance(), f.Cause)
			}
			j.fault(f)
			return
		}
		j.info.CA = Text(c.Authority.Name)
		j.companions(c)
		if j.domain.NoCTLogs && len(j.domain.CTLogs) == 0 {
			j.skip(check.CertSCT, "the trusted root lists no certificate log, so none can be asked")
		} else if _, err := cert.VerifySCTs(c, j.domain.CTLogs); err != nil {
			j.fault(check.Fault{ID: check.CertSCT, Detail: err.Error()})
		} else {
			j.passOnce(check.CertSCT)
		}
	}
	j.passOnce(check.CertChain)
}

// companions notes certificates that came along and are not part of the trusted
// chain: nothing signs that they belong here.
func (j *judgement) companions(c *cert.Chain) {
	for _, der := range j.sig.Chain {
		same := func(k *x509.Certificate) bool { return bytes.Equal(k.Raw, der) }
		known := slices.ContainsFunc(c.Authority.Chain, same)
		if !known && !j.rec.has(check.PolicyNotJudged, check.Skip) {
			j.skip(check.PolicyNotJudged, "not judged: a certificate came along that is not part of the trusted "+
				"chain; it proves nothing")
		}
	}
}

// identity compares the certificate's identity with those demanded.
func (j *judgement) identity(id *cert.Identity) {
	var err error
	for i, want := range j.d.Identities {
		if err = want.Match(id); err == nil {
			j.pass(check.CertIdentity, "")
			if j.rec.has(check.CertChain, check.Pass) { // else anyone could have issued the certificate
				j.info.Identity, j.info.Issuer = Text(id.SAN), Text(id.Issuer)
				j.info.matched = fmt.Sprint("identity ", i)
			}
			return
		}
	}
	f := check.Fault{ID: check.CertIdentity, Detail: err.Error()}
	var mismatch *cert.MismatchError
	if errors.As(err, &mismatch) {
		f.Detail = "the certificate has another " + mismatch.What
		if mismatch.Partly {
			f.Detail = "the expression matches only a part of the certificate's " + mismatch.What
			f.Cause = check.CausePartly
		}
		f.Expected, f.Found = mismatch.Expected, check.Clip(mismatch.Found)
	}
	j.fault(f)
}
