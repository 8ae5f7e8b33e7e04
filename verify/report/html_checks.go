package report

import (
	"fmt"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// checksSection has a table for each answer, what went wrong first. What passed
// is folded, and told once for all that it is about.
func checksSection(r *verify.Report) section {
	s := section{ID: "checks", Title: "Checks", Note: "Every question that was asked, in the order of cause."}
	for _, of := range []struct {
		status check.Status
		title  string
	}{{check.Fail, "Failed"}, {check.Warn, "Warnings"}, {check.Skip, "Skipped"}} {
		t := table{Columns: []string{"Answer", "Check", "Subject", "What was found out"}}
		for i := range r.Checks {
			if c := &r.Checks[i]; c.Status == of.status {
				t.Rows = append(t.Rows, []value{status(c.Status), checkID(c), code(string(c.Subject)), plain(foundOut(c))})
			}
		}
		if len(t.Rows) > 0 {
			t.Title, t.Fold = fmt.Sprintf("%s: %d", of.title, len(t.Rows)), len(t.Rows) > openRows
			s.Tables = append(s.Tables, t)
		}
	}
	if t := passed(r); len(t.Rows) > 0 {
		s.Tables = append(s.Tables, t)
	}
	return s
}

// checkID is the id of a check, which is from our own table and not long.
func checkID(c *verify.Check) value {
	return value{Text: term.Shown(string(c.ID)), Code: true, Whole: true}
}

// foundOut says in one line what a check found. The keys of trust.key have too
// many lines for a table.
func foundOut(c *verify.Check) string {
	s := c.Detail
	if len(valueLines(c, c.Expected)) == 1 {
		s += given("; expected ", string(c.Expected))
	}
	if len(valueLines(c, c.Found)) == 1 {
		s += given("; found ", string(c.Found))
	}
	return s
}

// passed is the table of what passed: a row for each answer, with the subjects
// in the short form of their digests, which the other tables have in full.
func passed(r *verify.Report) table {
	t := table{Fold: true, Columns: []string{"Answer", "Check", "What was found out", "Subjects"}}
	place, n := map[string]int{}, 0
	var subjects [][]string
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Pass {
			continue
		}
		n++
		key := string(c.ID) + "\x00" + c.Detail
		row, ok := place[key]
		if !ok {
			row = len(t.Rows)
			place[key], subjects = row, append(subjects, nil)
			t.Rows = append(t.Rows, []value{status(c.Status), checkID(c), plain(c.Detail), {}})
		}
		if c.Subject != "" {
			subjects[row] = append(subjects[row], term.Short(subject(string(c.Subject))))
		}
	}
	for i, list := range subjects {
		if list == nil {
			list = []string{"the bundle"}
		}
		t.Rows[i][3] = code(strings.Join(list, " "))
	}
	t.Title = fmt.Sprintf("Passed: %d", n)
	return t
}
