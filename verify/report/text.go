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

// Limits of what the text shows; the JSON report has everything.
const (
	maxSignatures = 10 // of one image
	maxFailures   = 20
	maxAlike      = 5 // failures of one check, and evidence that was not judged
	maxSubjects   = 3 // of one warning
)

// headIndent indents what follows a line that begins with WARNING or FAILED. A
// digest with punctuation still fits.
const headIndent = 4

// Text writes the report for a person at a terminal of 80 columns: each image
// with the keys and log entries that vouch for it, a list of what was checked in
// the manner of cosign, each failure with what was expected, what was found and
// what to do, and the verdict last, where the eye falls.
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
	if r.Verdict == check.Rejected {
		t.met()
	}
	t.verdict()
	t.loaded()
	return t.Flush()
}

// text writes labelled rows that fit a terminal.
type text struct {
	*bufio.Writer
	r *verify.Report
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

func (t *text) row(label string, values ...string) { term.Row(t, label, values...) }

// head writes a line that begins with WARNING or FAILED.
func (t *text) head(s string) { t.WriteString(term.Fold(s, headIndent)) }

func (t *text) waivers() {
	for _, w := range t.r.Waivers {
		t.head("WARNING a rule was waived: " + term.Shown(w))
	}
	if len(t.r.Waivers) > 0 {
		t.line("")
	}
}

func (t *text) image(img *verify.Image) {
	verdict, why := imageVerdict(img, t.r)
	switch {
	case verdict != check.Verified:
		t.row("Rejected", img.Digest)
	case img.VouchedBy == check.VouchedBySender:
		t.row("UNSIGNED", img.Digest, vouchedBy(img))
	default:
		t.row("Verified", img.Digest, vouchedBy(img))
	}
	t.row("name", img.ClaimedReference, boundBy(img, t.r))
	if why != "" {
		t.row("", "("+why+")")
	}
	t.row("platform", strings.Join(img.Platforms, ", "))
	for i := range img.Signatures {
		if i == maxSignatures {
			t.row("", fmt.Sprintf("and %d more signatures; the JSON report lists them all", len(img.Signatures)-i))
			break
		}
		t.signature(img, &img.Signatures[i])
	}
	for i := range img.Attestations {
		if i == maxSignatures {
			t.row("", fmt.Sprintf("and %d more attestations; the JSON report lists them all", len(img.Attestations)-i))
			break
		}
		t.attestation(img, &img.Attestations[i])
	}
	t.carried(img)
	t.leftOut(img)
	t.line("")
}

func (t *text) signature(img *verify.Image, s *verify.Signature) {
	if t.r.Verdict == check.Verified && s.Counts {
		t.signer(s)
		t.log(s)
		return
	}
	// Two kinds are not shown. A good signature proves nothing for a bundle that
	// is rejected. A child's signature is not needed, because the index vouches
	// for its children.
	if !s.Counts && s.Subject == img.Digest {
		t.row("ignored", "signature "+term.Short(s.Digest)+", which does not count")
	}
}

// signer names who signed: a key, or an identity that an issuer vouched for.
func (t *text) signer(s *verify.Signature) {
	if s.Identity == "" {
		name := keyName(t.r, string(s.Key))
		if name != "" {
			name = "(" + name + ")"
		}
		t.row("key", string(s.Key), name)
		return
	}
	t.row("identity", string(s.Identity), "(vouched for by "+string(s.Issuer)+", certified by "+string(s.CA)+")")
}

// log names the log entry of a signature, and where its trusted time comes from.
// Not every log gives a time.
func (t *text) log(s *verify.Signature) {
	if s.Log != nil {
		entry := fmt.Sprintf("entry %d of the log", s.Log.LogIndex)
		if s.Log.IntegratedTime != nil {
			entry = s.Log.IntegratedTime.Format(time.RFC3339) + ", " + entry
		}
		t.row("logged", entry, logName(t.r, s.Log.LogID))
	}
	if s.TrustedTime != nil && s.TimeSource == "tsa" {
		t.row("stamped", s.TrustedTime.Format(time.RFC3339)+", by "+string(s.TSA))
	}
}

// attestation names what was attested and by whom.
func (t *text) attestation(img *verify.Image, a *verify.Attestation) {
	switch {
	case t.r.Verdict == check.Verified && a.Counts && a.PredicateType == img.VouchedType:
		t.row("attested", string(a.PredicateType))
		t.signer(&a.Signature)
		t.log(&a.Signature)
	case t.r.Verdict == check.Verified && a.Counts && a.Identity != "":
		t.row("attested", string(a.PredicateType), "by "+string(a.Identity))
	case t.r.Verdict == check.Verified && a.Counts:
		t.row("attested", string(a.PredicateType), "by key "+term.Short(string(a.Key)))
	case t.r.Verdict == check.Verified && a.Good && a.Manifest != "":
		t.row("attested", string(a.PredicateType),
			"for platform "+term.Short(a.Subject)+", by "+signerNames([]*verify.Signature{&a.Signature}))
	case !a.Counts && a.Subject == img.Digest:
		t.row("ignored", "attestation "+term.Short(a.Digest)+", which does not count")
	}
}

// carried names evidence that was not judged and so proves nothing.
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

// leftOut names what export found and did not carry.
func (t *text) leftOut(img *verify.Image) {
	for i, l := range img.LeftOut {
		if i == maxAlike {
			t.row("", fmt.Sprintf("and %d more; the JSON report lists them all", len(img.LeftOut)-i))
			return
		}
		t.row("left out", leftOutName(&l)+": "+l.Text)
	}
}

// leftOutName names what was left out in one line.
func leftOutName(l *verify.LeftOut) string {
	switch {
	case l.Digest != "":
		return term.Short(string(l.Digest)) + given(" ", string(l.Type))
	case l.Tag != "":
		return "tag " + string(l.Tag)
	}
	return "referrers of " + term.Short(l.Subject)
}

// warnings writes each warning once, with what it is about.
func (t *text) warnings() {
	groups := warnings(t.r)
	for _, alike := range groups {
		t.warning(alike)
	}
	if len(groups) > 0 && t.r.Verdict == check.Rejected {
		t.line("")
	}
}

func (t *text) warning(alike []*verify.Check) {
	t.head("WARNING " + term.Shown(string(alike[0].ID)+": "+warning(alike[0])))
	if t.r.Verdict == check.Rejected {
		return // what matters now are the failures
	}
	label := "about"
	for i, c := range alike {
		if i == maxSubjects {
			t.row("", fmt.Sprintf("and %d more; the JSON report lists them all", len(alike)-i))
			break
		}
		if s := about(c); s != "" {
			t.row(label, s)
			label = ""
		}
	}
	t.row("to do", string(alike[0].Remedy))
	t.line("")
}

// about names the subject in one line: a digest in short, and what was found.
func about(c *verify.Check) string {
	found, _, _ := strings.Cut(string(c.Found), "\n")
	return strings.TrimSpace(term.Short(string(c.Subject)) + " " + found)
}

// failures writes the failed checks, first cause first, and of each check no more
// than a person reads.
func (t *text) failures() {
	shown, hidden := map[check.ID]int{}, 0
	for i := range t.r.Failures {
		c := &t.r.Failures[i]
		if i-hidden >= maxFailures || shown[c.ID] >= maxAlike {
			hidden++
			continue
		}
		shown[c.ID]++
		t.failure(c)
	}
	if hidden > 0 {
		t.line("and %d more failed; the JSON report lists them all\n", hidden)
	}
}

func (t *text) failure(c *verify.Check) {
	detail, command := c.Detail, ""
	if c.ID == check.ContainerWrapper {
		detail, command, _ = strings.Cut(c.Detail, ": ")
		command = strings.Replace(command, "FILE", t.file(), 1)
	}
	t.head("FAILED " + string(c.ID) + ": " + term.Shown(detail))
	t.row("subject", subject(string(c.Subject)))
	t.row("expected", valueLines(c, c.Expected)...)
	t.row("found", valueLines(c, c.Found)...)
	t.row("to do", string(c.Remedy))
	if command != "" { // not folded, so that it can be copied
		t.line("%-*s%s", term.LabelWidth, "run", term.Escape(command))
	}
	t.line("")
}

// file returns the name of the bundle file as an argument of a shell command.
// Standard input has no name.
func (t *text) file() string {
	path := t.r.Bundle.Path
	switch {
	case path == "" || path == "-":
		return "FILE"
	case path[0] == '-':
		path = "./" + path
	}
	return term.Command([]string{path})
}

func (t *text) verdict() {
	r := t.r
	if r.Verdict == check.Verified {
		t.line("VERIFIED %s%s", bundleName(r), t.reservations())
	} else {
		t.rejected()
	}
	t.row("identity", string(r.Bundle.Identity))
	t.row("file", string(r.Bundle.FileDigest))
	if s := r.Seal; s != nil && r.Verdict == check.Verified {
		t.row("seal", s.Key, fmt.Sprintf("number %d of %s, %s", s.Serial, s.Stream, s.ExportedAt.Format(time.RFC3339)))
	}
	if r.Lock != nil {
		t.row("lock", r.Lock.Digest, "which lists "+term.Count(r.Lock.Images, "image", "images"))
	}
	t.root()
	if r.Policy != nil {
		t.row("policy", string(r.Policy.Name), r.Policy.Digest)
	}
	if r.Transfer != nil {
		t.row("transfer", string(r.Transfer.ID))
	}
}

func (t *text) rejected() {
	failures := t.r.Failures
	if len(failures) == 0 { // no verification makes such a report
		t.line("REJECTED %s", bundleName(t.r))
		return
	}
	failed := term.Count(len(failures), "check", "checks")
	t.line("REJECTED %s: %s failed; first cause: %s", bundleName(t.r), failed, failures[0].ID)
	if len(failures) > 1 { // the first one may have left the screen
		t.row("to do", string(failures[0].Remedy))
	}
}

// root names each trusted root and says how old it is: a root that is older than
// a signature may not know the log that the signature is in.
func (t *text) root() {
	for _, a := range t.r.Anchors {
		if a.Kind != "root" {
			continue
		}
		age := "no entry that vouches for anything"
		if a.Newest != nil {
			age = "newest entry of " + entryAge(t.r, &a)
		}
		t.row("root", string(a.Fingerprint), age)
		for _, c := range t.r.Checks { // how old it is, if it is built in: which entry is the newest does not say it
			if c.ID == check.TrustRootAge && a.Source == string(c.Subject) {
				t.row("", c.Detail)
			}
		}
	}
}

// reservations repeats in the last line that there were waivers and warnings. They
// may have left the screen.
func (t *text) reservations() string {
	n, unsigned, but := 0, 0, ""
	for i := range t.r.Images {
		if t.r.Images[i].VouchedBy == check.VouchedBySender {
			unsigned++
		}
	}
	if unsigned > 0 {
		but = ", " + term.Count(unsigned, "image", "images") + " UNSIGNED by the publisher"
	}
	for i := range t.r.Checks {
		if t.r.Checks[i].Status == check.Warn {
			n++
		}
	}
	waivers := len(t.r.Waivers)
	switch {
	case waivers > 0:
		return but + fmt.Sprintf(", with %s and %s",
			term.Count(waivers, "waiver", "waivers"), term.Count(n-waivers, "warning", "warnings"))
	case n > 0:
		return but + ", with " + term.Count(n, "warning", "warnings")
	}
	return but
}

// answered reports whether a check was asked of anything and had this answer.
func (t *text) answered(id check.ID, s check.Status) bool {
	return slices.ContainsFunc(t.r.Checks, func(c verify.Check) bool { return c.ID == id && c.Status == s })
}
