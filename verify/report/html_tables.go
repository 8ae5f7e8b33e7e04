package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/verify"
)

// openRows is how many rows of a table may stand open on the page.
const openRows = 40

func evidenceSection(r *verify.Report) section {
	s := section{ID: "evidence", Title: "Evidence", Note: "What came with the images and speaks for them. Evidence is never trusted for being present; what was not judged proves nothing here."}
	t := table{Title: "All evidence", Columns: []string{"Image", "Kind", "Digest", "Speaks for", "Judged"}}
	for i := range r.Images {
		for _, ev := range r.Images[i].Evidence {
			about := code(ev.Subject)
			if ev.Subject == r.Images[i].Digest {
				about = plain("the image")
			}
			t.Rows = append(t.Rows, []value{imageLink(i), plain(ev.Kind), code(ev.Digest), about, plain(yes(ev.Judged))})
		}
	}
	if len(t.Rows) == 0 {
		s.Facts = []fact{{"evidence", []value{plain("none could be read")}}}
		return s
	}
	t.Fold = len(t.Rows) > openRows
	s.Tables = []table{t}
	return s
}

// checksSection has a table for each answer, what went wrong first. What passed
// is folded.
func checksSection(r *verify.Report) section {
	s := section{ID: "checks", Title: "Checks", Note: "Every question that was asked, in the order of cause."}
	for _, of := range []struct {
		status verify.Status
		title  string
		fold   bool
	}{{verify.Fail, "Failed", false}, {verify.Warn, "Warnings", false}, {verify.Skip, "Skipped", false}, {verify.Pass, "Passed", true}} {
		t := table{Columns: []string{"Answer", "Check", "Subject", "What was found out"}}
		for i := range r.Checks {
			if c := &r.Checks[i]; c.Status == of.status {
				t.Rows = append(t.Rows, []value{status(string(c.Status)), code(string(c.ID)), code(string(c.Subject)), plain(foundOut(c))})
			}
		}
		if len(t.Rows) == 0 {
			continue
		}
		t.Title, t.Fold = fmt.Sprintf("%s: %d", of.title, len(t.Rows)), of.fold || len(t.Rows) > openRows
		s.Tables = append(s.Tables, t)
	}
	return s
}

// foundOut says in one line what a check found.
func foundOut(c *verify.Check) string {
	parts := []string{c.Detail}
	if len(valueLines(c, c.Expected)) == 1 && len(valueLines(c, c.Found)) == 1 {
		parts = append(parts, given("expected ", string(c.Expected)), given("found ", string(c.Found)))
	}
	return strings.Join(present(parts), "; ")
}

func present(list []string) (kept []string) {
	for _, s := range list {
		if s != "" {
			kept = append(kept, s)
		}
	}
	return kept
}

// blobsSection lists every blob, with the numbers of the images it belongs to.
func blobsSection(r *verify.Report) section {
	s := section{ID: "blobs", Title: "Blobs", Note: "A blob lies in the bundle under blobs/sha256/ and the digits of its digest."}
	number := map[string]int{}
	for i := len(r.Images) - 1; i >= 0; i-- {
		number[r.Images[i].Digest] = i + 1
	}
	t := table{Columns: []string{"State", "Digest", "Bytes", "Media type", "Role", "Images"}}
	for i := range r.Blobs {
		b := &r.Blobs[i]
		var of []string
		for _, d := range b.Images {
			if n := number[d]; n > 0 {
				of = append(of, strconv.Itoa(n))
			}
		}
		t.Rows = append(t.Rows, []value{status(b.State), code(b.Digest), plain(strconv.FormatInt(b.Size, 10)), code(string(b.MediaType)), plain(strings.Join(b.Roles, ", ")), plain(strings.Join(of, ", "))})
	}
	if len(t.Rows) == 0 {
		return s
	}
	t.Title, t.Fold = fmt.Sprintf("All %s", count(len(t.Rows), "blob")), len(t.Rows) > openRows
	s.Tables = []table{t}
	return s
}
