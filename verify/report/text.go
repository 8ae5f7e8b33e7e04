package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// Text writes the report for a person at a terminal of 80 columns: each image
// with the keys and log entries that speak for it, what was checked, in the
// manner of cosign's list, each failure with what was expected, what was found
// and what to do, and the verdict last, where the eye falls.
func Text(w io.Writer, r *verify.Report) error {
	t := &text{Writer: bufio.NewWriter(w), r: r}
	t.waivers()
	for i := range r.Images {
		t.image(&r.Images[i])
	}
	if r.Verdict == check.Verified {
		t.performed()
	}
	t.warnings()
	t.failures()
	t.verdict()
	return t.Flush()
}

func (t *text) waivers() {
	for _, w := range t.r.Waivers {
		t.fold("WARNING a rule was waived: "+term.Shown(w), headIndent)
	}
	if len(t.r.Waivers) > 0 {
		t.line("")
	}
}

func (t *text) answered(id check.ID, s check.Status) bool {
	return slices.ContainsFunc(t.r.Checks, func(c verify.Check) bool { return c.ID == id && c.Status == s })
}

func (t *text) verdict() {
	r := t.r
	name := term.Shown(r.Bundle.Path)
	if name == "-" {
		name = "standard input"
	}
	if r.Verdict == check.Verified {
		t.line("VERIFIED %s%s", name, t.reservations())
	} else {
		t.line("REJECTED %s: %s failed; first cause: %s", name, term.Count(len(r.Failures), "check", "checks"), r.Failures[0].ID)
		if len(r.Failures) > 1 { // the first one may have left the screen
			t.row("to do", string(r.Failures[0].Remedy))
		}
	}
	t.row("identity", string(r.Bundle.Identity))
	if r.Bundle.FileDigest != "" {
		t.row("file", string(r.Bundle.FileDigest))
	}
	if s := r.Seal; s != nil && r.Verdict == check.Verified {
		t.row("seal", s.Key, fmt.Sprintf("number %d of %s, %s", s.Serial, s.Stream, s.ExportedAt.Format(time.RFC3339)))
	}
	t.root()
	if r.Policy != nil {
		t.row("policy", string(r.Policy.Name), r.Policy.Digest)
	}
	if r.Transfer != nil {
		t.row("transfer", string(r.Transfer.ID))
	}
}

// root names the trusted root and how old it is: one that is older than a
// signature may not know its log.
func (t *text) root() {
	for _, a := range t.r.Anchors {
		if a.Kind != "root" {
			continue
		}
		age := "no entry that vouches for anything"
		if a.Newest != nil {
			days := int(t.r.VerifiedAt.Sub(*a.Newest).Hours() / 24)
			age = fmt.Sprintf("newest entry of %s, %s before", a.Newest.Format(time.DateOnly), term.Count(days, "day", "days"))
		}
		t.row("root", string(a.Fingerprint), age)
	}
}

// reservations keeps in the last line what the first ones said, which may have
// left the screen.
func (t *text) reservations() string {
	n := 0
	for i := range t.r.Checks {
		if t.r.Checks[i].Status == check.Warn {
			n++
		}
	}
	switch {
	case len(t.r.Waivers) > 0:
		return fmt.Sprintf(", with %s and %s", term.Count(len(t.r.Waivers), "waiver", "waivers"), term.Count(n-len(t.r.Waivers), "warning", "warnings"))
	case n > 0:
		return ", with " + term.Count(n, "warning", "warnings")
	}
	return ""
}

func (t *text) image(img *verify.Image) {
	verdict, why := imageVerdict(img, t.r)
	heading := "Rejected"
	if verdict == check.Verified {
		heading = "Verified"
	}
	t.row(heading, img.Digest)
	t.row("name", img.ClaimedReference, t.bound(img))
	if why != "" {
		t.row("", "("+why+")")
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
	case img.BoundBy == check.BoundByDigest:
		return "(bound by the digest you gave)"
	case img.BoundBy == check.BoundByPolicy:
		return "(bound by a digest that the policy pins)"
	case img.BoundBy == check.BoundBySeal && t.r.Verdict == check.Verified:
		return "(bound by the sender's seal)"
	case img.BoundBy == check.BoundByName && t.r.Verdict == check.Verified:
		return "(the signature names the repository; nothing signs the tag)"
	}
	return "(claimed; nothing binds it)"
}

// carried names evidence that proves nothing yet.
func (t *text) carried(img *verify.Image) {
	n := 0
	for _, ev := range img.Evidence {
		if ev.Judged {
			continue
		}
		if n++; n <= maxAlike {
			t.row("carried", ev.Kind+" "+term.Short(ev.Digest)+", not judged")
		}
	}
	if n > maxAlike {
		t.row("", fmt.Sprintf("and %d more, not judged", n-maxAlike))
	}
}

// imageVerdict is what a person is told of an image: nothing of a bundle that is
// rejected may be used, so that no image of it is called verified. For one that
// has nothing wrong itself, why says that.
func imageVerdict(img *verify.Image, r *verify.Report) (v check.Verdict, why string) {
	if r.Verdict != check.Verified && img.Verdict == check.Verified {
		return check.Rejected, "nothing is wrong with this image itself; the bundle is refused as a whole"
	}
	return img.Verdict, ""
}

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

const (
	headIndent = 4 // below WARNING and FAILED, room for a digest with punctuation
)

// text writes labelled rows that fit a terminal.
type text struct {
	*bufio.Writer
	r *verify.Report
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// row is [Row] for this text.
func (t *text) row(label string, values ...string) { term.Row(t, label, values...) }

// fold writes one line, and what does not fit it below, indented.
func (t *text) fold(s string, indent int) { t.WriteString(term.Fold(s, indent)) }
