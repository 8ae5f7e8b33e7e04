package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/gapseal/gapseal/verify"
)

func (t *text) image(img *verify.Image) {
	heading := "Verified"
	if t.r.Verdict != verify.Verified {
		heading = "Rejected"
	}
	t.row(heading, img.Digest)
	t.row("name", img.ClaimedReference, t.bound(img))
	if heading == "Rejected" && img.Verdict == verify.Verified {
		t.row("", "(nothing is wrong with this image itself; the bundle is refused as a whole)")
	}
	t.row("platform", strings.Join(img.Platforms, ", "))
	for i := range img.Signatures {
		if i == maxSignatures {
			t.row("", fmt.Sprintf("and %d more signatures; --output json lists them all", len(img.Signatures)-i))
			break
		}
		t.signature(img, &img.Signatures[i])
	}
	for i := range img.Attestations {
		if i == maxSignatures {
			t.row("", fmt.Sprintf("and %d more attestations; --output json lists them all", len(img.Attestations)-i))
			break
		}
		t.attestation(img, &img.Attestations[i])
	}
	t.carried(img)
	t.line("")
}

func (t *text) bound(img *verify.Image) string {
	switch {
	case img.BoundBy == "digest":
		return "(bound by the digest you gave)"
	case img.BoundBy == "policy":
		return "(bound by a digest that the policy pins)"
	case img.BoundBy == "seal" && t.r.Verdict == verify.Verified:
		return "(bound by the sender's seal)"
	case img.BoundBy == "docker-reference" && t.r.Verdict == verify.Verified:
		return "(the signature names the repository; nothing signs the tag)"
	}
	return "(claimed; nothing binds it)"
}

func (t *text) signature(img *verify.Image, s *verify.Signature) {
	if t.r.Verdict == verify.Verified && s.Counts {
		t.signer(s)
		t.log(s)
		return
	}
	// One that is good in itself says nothing of a bundle that is not, and one
	// of a child is not needed: the index vouches for its children.
	if !s.Counts && s.Subject == img.Digest {
		t.row("ignored", "signature "+short(s.Digest)+", which does not count")
	}
}

// attestation names what was attested and by whom.
func (t *text) attestation(img *verify.Image, a *verify.Attestation) {
	switch {
	case t.r.Verdict == verify.Verified && a.Counts && a.Identity != "":
		t.row("attested", string(a.PredicateType), "by "+string(a.Identity))
	case t.r.Verdict == verify.Verified && a.Counts:
		t.row("attested", string(a.PredicateType), "by key "+short(string(a.Key)))
	case !a.Counts && a.Subject == img.Digest:
		t.row("ignored", "attestation "+short(a.Digest)+", which does not count")
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

// carried names evidence that proves nothing yet.
func (t *text) carried(img *verify.Image) {
	n := 0
	for _, ev := range img.Evidence {
		if ev.Judged {
			continue
		}
		if n++; n <= maxAlike {
			t.row("carried", ev.Kind+" "+short(ev.Digest)+", not judged")
		}
	}
	if n > maxAlike {
		t.row("", fmt.Sprintf("and %d more, not judged", n-maxAlike))
	}
}
