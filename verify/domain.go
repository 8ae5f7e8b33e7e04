package verify

import (
	"encoding/hex"
	"slices"

	"github.com/gapseal/gapseal/verify/cert"
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

	// NoLogs and NoCTLogs say that the root lists no transparency log, or no certificate
	// log, not even one that this version cannot judge. Entries of a log that does not
	// exist are not demanded.
	NoLogs, NoCTLogs bool
}

// Domains returns the anchors by domain, the one of their own fields first.
func (a *Anchors) Domains() []Domain {
	own := Domain{Logs: a.Logs, CAs: a.CAs, CTLogs: a.CTLogs, TSAs: a.TSAs,
		NoLogs: a.NoLogs, NoCTLogs: a.NoCTLogs}
	return append([]Domain{own}, a.More...)
}

// chooseDomain chooses the domain that judges the signature. It prefers a domain whose
// authority issued the certificate, and among those one that lists the log of an entry.
// If there is none, it takes the first that lists such a log, or else the first.
func (j *judgement) chooseDomain() {
	all := j.s.opt.Domains()
	knowsLog := func(d *Domain) bool { return slices.ContainsFunc(j.sig.Entries, d.logged) }
	best := -1
	for i := range all {
		d := &all[i]
		if j.leaf == nil || j.byPinnedKey() || !cert.Issued(j.leaf, d.CAs) {
			continue
		}
		// Two roots may be of one instance, and one of them may list more. If either
		// lists a log, an entry is demanded.
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

// byPinnedKey reports whether the certificate is of a pinned key. The certificate is
// then ignored, and the signature is judged by the key. A signature by another key than
// the certificate's is refused.
func (j *judgement) byPinnedKey() bool {
	key, err := trust.NewKey(j.leaf.PublicKey)
	if err != nil {
		return false
	}
	_, pinned := j.d.known[key.Fingerprint()]
	return pinned
}

// hasNoLog reports whether the signature is judged by its certificate, and the domain
// that issued the certificate lists no transparency log, so that no entry can exist.
func (j *judgement) hasNoLog() bool {
	return j.issued && len(j.d.Identities) > 0 && j.domain.NoLogs && len(j.domain.Logs) == 0
}
