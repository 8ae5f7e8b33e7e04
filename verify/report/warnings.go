package report

import (
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

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
