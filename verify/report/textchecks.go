package report

import (
	"fmt"
	"iter"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// How much of each text shows; JSON has all.
const (
	maxSignatures = 10 // of one image
	maxFailures   = 20
	maxAlike      = 5 // failures of one check, and evidence not judged
	maxSubjects   = 3 // of one warning
)

// failures writes the failed checks, first cause first, and no more of one kind
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
		t.line("and %d more failed; --output json lists them all\n", hidden)
	}
}

func (t *text) failure(c *verify.Check) {
	detail, command := c.Detail, ""
	if c.ID == check.ContainerWrapper {
		detail, command, _ = strings.Cut(c.Detail, ": ")
		command = strings.Replace(command, "FILE", quoted(t.r.Bundle.Path), 1)
	}
	t.fold("FAILED "+string(c.ID)+": "+term.Shown(detail), headIndent)
	t.row("subject", subject(string(c.Subject)))
	t.value(c, "expected", c.Expected)
	t.value(c, "found", c.Found)
	t.row("to do", string(c.Remedy))
	t.unfolded("run", command)
	t.line("")
}

// quoted writes a file's name as a shell takes it; a pipe has none.
func quoted(path string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/+,:@%="
	switch {
	case path == "" || path == "-":
		return "FILE"
	case path[0] == '-':
		path = "./" + path
	}
	if strings.Trim(path, plain) == "" {
		return path
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// unfolded keeps a command in one piece, to be copied.
func (t *text) unfolded(label, command string) {
	if command != "" {
		t.line("%-*s%s", term.LabelWidth, label, term.Escape(command))
	}
}

// subject names a blob by its digest, which fits a line, where its path does not.
func subject(s string) string {
	if hex, ok := strings.CutPrefix(s, "blobs/sha256/"); ok {
		return "sha256:" + hex
	}
	return s
}

// value writes expected or found. Only the keys of trust.key, which gapseal
// encoded itself, are written over several lines.
func (t *text) value(c *verify.Check, label string, v verify.Text) {
	if c.ID != check.TrustKey {
		t.row(label, string(v))
		return
	}
	t.row(label, strings.Split(strings.TrimSpace(string(v)), "\n")...)
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

// warnings gathers those that say the same, in the order of the first of each.
// Waivers are none: they stand by themselves.
func warnings(r *verify.Report) (groups [][]*verify.Check) {
	place := map[string]int{}
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Warn || c.ID == check.PolicyWaiver {
			continue
		}
		head := string(c.ID) + "\x00" + warning(c)
		at, ok := place[head]
		if !ok {
			at = len(groups)
			place[head], groups = at, append(groups, nil)
		}
		groups[at] = append(groups[at], c)
	}
	return groups
}

// warning is what a warning says of all it is about.
func warning(c *verify.Check) string {
	if c.ID == check.PolicyNotJudged {
		return "evidence was carried that is not judged; its digests were checked, and it proves nothing here"
	}
	return c.Detail
}

func (t *text) warning(alike []*verify.Check) {
	t.fold("WARNING "+term.Shown(string(alike[0].ID)+": "+warning(alike[0])), headIndent)
	if t.r.Verdict == check.Rejected {
		return // the failures are what matters now
	}
	label := "about"
	for i, c := range alike {
		if i == maxSubjects {
			t.row("", fmt.Sprintf("and %d more; --output json lists them all", len(alike)-i))
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

// about names the subject in one line: a digest at a glance, and its claim.
func about(c *verify.Check) string {
	found, _, _ := strings.Cut(string(c.Found), "\n")
	return strings.TrimSpace(term.Short(string(c.Subject)) + " " + found)
}

// performed lists what a verdict of verified stands on, the first part in the
// words of cosign.
func (t *text) performed() {
	t.line("The following checks were performed on each of these signatures:")
	t.item("The cosign claims were validated")
	t.logged()
	t.signers()
	if t.stamped() {
		t.item("The time of signing was stamped by a trusted timestamp authority")
	}
	if t.answered(check.PolicyAnnotations, check.Pass) {
		t.item("The demanded annotations were found")
	}
	if t.answered(check.PolicyAge, check.Pass) {
		t.item("The time of signing is within what was demanded")
	}
	if t.answered(check.PolicyAttestation, check.Pass) {
		t.item("The demanded attestations were found and verified in the same way")
	}
	for _, c := range t.r.Checks {
		if c.ID == check.PolicyChild && c.Status == check.Pass {
			t.item(term.Short(string(c.Subject)) + ": " + c.Detail)
		}
	}
	t.line("The following checks were performed on the bundle:")
	t.item("Every byte of the container is the one that the format dictates")
	t.item(fmt.Sprintf("Each of %s has its digest and its size; the whole has %s", term.Count(t.r.Totals.Blobs, "blob", "blobs"), term.Bytes(t.r.Totals.Bytes)))
	t.item("Nothing is missing, and nothing is there that is neither signed content nor evidence listed for it" + unjudged(t.r, "; ", term.Bytes))
	if t.r.Seal != nil {
		t.item("It is whole as its sender sealed it: no image and no evidence was added, removed or exchanged")
	}
	if t.answered(check.ConfigDiffID, check.Pass) {
		t.item("Each layer of an image with a config was unpacked and has its diff_id")
	}
	t.line("")
}

// signers says by what the signatures were verified: keys, certificates where an
// identity was demanded, or each some of them, as a policy may allow.
func (t *text) signers() {
	keys, certificates := 0, 0
	for s := range t.counted() {
		if s.Identity != "" {
			certificates++
		} else {
			keys++
		}
	}
	const byKey, byCertificate = "verified against the specified public key", "verified using trusted certificate authority certificates"
	switch {
	case certificates == 0:
		t.item("The signatures were " + byKey)
	case keys == 0:
		t.item("The code-signing certificate was " + byCertificate)
	default:
		t.item(fmt.Sprintf("%s: the signature was %s", term.Count(keys, "signature", "signatures"), byKey))
		t.item(fmt.Sprintf("%s: the code-signing certificate was %s", term.Count(certificates, "signature", "signatures"), byCertificate))
	}
}

// unjudged says how much was carried and hashed, and proves nothing; it is empty
// if nothing was.
func unjudged(r *verify.Report, before string, bytes func(int64) string) string {
	if r.Totals.UnjudgedBytes == 0 {
		return ""
	}
	return before + bytes(r.Totals.UnjudgedBytes) + " of it was carried without being judged"
}

// stamped reports whether the time of every signature is a timestamp authority's.
func (t *text) stamped() bool {
	n := 0
	for s := range t.counted() {
		if n++; s.TimeSource != "tsa" {
			return false
		}
	}
	return n > 0
}

// counted yields the signatures that count.
func (t *text) counted() iter.Seq[*verify.Signature] {
	return func(yield func(*verify.Signature) bool) {
		for i := range t.r.Images {
			for j := range t.r.Images[i].Signatures {
				if s := &t.r.Images[i].Signatures[j]; s.Counts && !yield(s) {
					return
				}
			}
		}
	}
}

// logged claims the log for all signatures or says for how many it cannot.
func (t *text) logged() {
	counted, without := 0, 0
	for s := range t.counted() {
		if counted++; s.Log == nil {
			without++
		}
	}
	if without == 0 {
		t.item("Existence of the claims in the transparency log was verified offline")
		return
	}
	t.item(fmt.Sprintf("NOT CHECKED: the transparency log. It was waived, and %d of %s came without a log entry", without, term.Count(counted, "signature", "signatures")))
}

func (t *text) item(s string) { t.fold("  - "+s, 4) }
