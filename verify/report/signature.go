package report

import (
	"fmt"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

func (t *text) signature(img *verify.Image, s *verify.Signature) {
	if t.r.Verdict == check.Verified && s.Counts {
		t.signer(s)
		t.log(s)
		return
	}
	// One that is good in itself says nothing of a bundle that is not, and one
	// of a child is not needed: the index vouches for its children.
	if !s.Counts && s.Subject == img.Digest {
		t.row("ignored", "signature "+term.Short(s.Digest)+", which does not count")
	}
}

// attestation names what was attested and by whom.
func (t *text) attestation(img *verify.Image, a *verify.Attestation) {
	switch {
	case t.r.Verdict == check.Verified && a.Counts && a.Identity != "":
		t.row("attested", string(a.PredicateType), "by "+string(a.Identity))
	case t.r.Verdict == check.Verified && a.Counts:
		t.row("attested", string(a.PredicateType), "by key "+term.Short(string(a.Key)))
	case !a.Counts && a.Subject == img.Digest:
		t.row("ignored", "attestation "+term.Short(a.Digest)+", which does not count")
	}
}

// signer says who signed: a key, or an identity that an issuer vouched for.
func (t *text) signer(s *verify.Signature) {
	if s.Identity != "" {
		t.row("identity", string(s.Identity), "(vouched for by "+string(s.Issuer)+", certified by "+string(s.CA)+")")
		return
	}
	t.row("key", string(s.Key), t.keyName(string(s.Key)))
}

// log says where a signature was logged, and what vouches for when. A log that
// gives no time is not made to.
func (t *text) log(s *verify.Signature) {
	if s.Log != nil {
		entry := fmt.Sprintf("entry %d of the log", s.Log.LogIndex)
		if s.Log.IntegratedTime != nil {
			entry = s.Log.IntegratedTime.Format(time.RFC3339) + ", " + entry
		}
		t.row("logged", entry, t.logName(s.Log.LogID))
	}
	if s.TrustedTime != nil && s.TimeSource == "tsa" {
		t.row("stamped", s.TrustedTime.Format(time.RFC3339)+", by "+string(s.TSA))
	}
}

// keyName says how a key came to be trusted.
func (t *text) keyName(fingerprint string) string {
	for _, a := range t.r.Anchors {
		if a.Kind == "key" && string(a.Fingerprint) == fingerprint {
			if a.Path != "" {
				return fmt.Sprintf("(%s, pinned by %s)", a.Name, a.Path)
			}
			return "(pinned by its fingerprint)"
		}
	}
	return ""
}

func (t *text) logName(id string) string {
	for _, a := range t.r.Anchors {
		if a.Kind == "log" && string(a.Fingerprint) == "sha256:"+id && a.Name != "" {
			return string(a.Name)
		}
	}
	return id
}
