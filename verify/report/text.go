package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
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
