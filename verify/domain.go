package verify

import (
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/gapseal/gapseal/verify/cert"
	"github.com/gapseal/gapseal/verify/check"
	"github.com/gapseal/gapseal/verify/rekor"
	"github.com/gapseal/gapseal/verify/trust"
)

// Domain is what one trusted root vouches for. Domains are never merged: a
// certificate of one is not judged by the logs of another.
type Domain struct {
	Logs   []trust.Log                  // transparency logs, in which signatures are logged
	CAs    []trust.CertificateAuthority // that issue certificates to sign with
	CTLogs []trust.Log                  // in which those certificates must be logged
	TSAs   []trust.TimestampAuthority   // whose timestamps count

	// NoLogs and NoCTLogs say that the root lists no logs of either kind, not even of a
	// kind that cannot be judged: what does not exist is not asked for.
	NoLogs, NoCTLogs bool
}

// domains returns the anchors by domain, the one of their own fields first.
func (a *Anchors) domains() []Domain {
	own := Domain{Logs: a.Logs, CAs: a.CAs, CTLogs: a.CTLogs, TSAs: a.TSAs,
		NoLogs: a.NoLogs, NoCTLogs: a.NoCTLogs}
	return append([]Domain{own}, a.More...)
}

// chooseDomain chooses the domain that judges the signature: one whose authority
// issued its certificate, and of these one that knows the log of an entry; or else one
// that knows the log; or else the first.
func (j *judgement) chooseDomain() {
	all := j.s.opt.domains()
	knowsLog := func(d *Domain) bool { return slices.ContainsFunc(j.sig.Entries, d.logged) }
	best := -1
	for i := range all {
		d := &all[i]
		if j.leaf == nil || j.byPinnedKey() || !cert.Issued(j.leaf, d.CAs) {
			continue
		}
		// Two roots may be of one instance, of which one knows more. What one of them
		// lacks is no excuse.
		if best < 0 || !knowsLog(&all[best]) && (knowsLog(d) || all[best].NoLogs) {
			best = i
		}
	}
	if j.issued = best >= 0; !j.issued {
		best = max(0, slices.IndexFunc(all, func(d Domain) bool { return knowsLog(&d) }))
	}
	j.domain = &all[best]
}

// log returns the log that an entry names, nil if the domain does not list it.
func (d *Domain) log(e *rekor.LogEntry) *trust.Log {
	id := hex.EncodeToString(e.LogID)
	for i := range d.Logs {
		if d.Logs[i].ID == id {
			return &d.Logs[i]
		}
	}
	return nil
}

func (d *Domain) logged(e *rekor.LogEntry) bool { return d.log(e) != nil }

// byPinnedKey reports whether the certificate is of a pinned key. It then proves
// nothing, and excuses nothing: the signature is judged by the key. One of another key
// than the certificate's is refused.
func (j *judgement) byPinnedKey() bool {
	key, err := trust.NewKey(j.leaf.PublicKey)
	if err != nil {
		return false
	}
	_, pinned := j.d.known[key.Fingerprint()]
	return pinned
}

// hasNoLog reports whether the signature is judged by its certificate, and was issued
// by a domain that lists no transparency log, so that none can be asked.
func (j *judgement) hasNoLog() bool {
	return j.issued && len(j.d.Identities) > 0 && j.domain.NoLogs && len(j.domain.Logs) == 0
}

// ofAnotherInstance returns the cause of a failure for a signature whose certificate
// no authority of the built-in root issued, if only that root was there to judge it.
func (j *judgement) ofAnotherInstance() check.Cause {
	given := func(a Anchor) bool { return a.Kind == "root" && a.Source != trust.SourceBuiltin }
	if j.leaf == nil || j.issued || len(j.domain.CAs) == 0 || slices.ContainsFunc(j.s.rep.Anchors, given) {
		return ""
	}
	return check.CauseBuiltIn
}

// rootAge reports how old the built-in root is, if it is used. Nothing tells an
// offline host that a service has new keys, so that an old root is a warning.
func (s *session) rootAge() {
	builtIn := func(a Anchor) bool { return a.Source == trust.SourceBuiltin }
	if !slices.ContainsFunc(s.rep.Anchors, builtIn) {
		return
	}
	age := s.rep.VerifiedAt.Sub(trust.BuiltinCurrent)
	f := check.Fault{ID: check.TrustRootAge, Subject: "built-in",
		Detail: fmt.Sprintf("the built-in root was the current one on %s, %d days before the time of verification",
			trust.BuiltinCurrent.Format(time.DateOnly), int(age.Hours()/24))}
	if age > trust.BuiltinMaxAge {
		f.Warn = true
		f.Expected, f.Found = "at most 365 days", fmt.Sprintf("%d days", int(age.Hours()/24))
		s.fault(bundleWide, f)
		return
	}
	if age < 0 {
		f.Detail = "the built-in root was the current one on " + trust.BuiltinCurrent.Format(time.DateOnly)
	}
	s.pass(bundleWide, f)
}
