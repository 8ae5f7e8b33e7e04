package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
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
		s.Facts = []fact{{"Evidence", []value{plain("none could be read")}}}
		return s
	}
	t.Fold = len(t.Rows) > openRows
	s.Tables = []table{t}
	return s
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
	t.Title, t.Fold = fmt.Sprintf("All %s", term.Count(len(t.Rows), "blob", "blobs")), len(t.Rows) > openRows
	s.Tables = []table{t}
	return s
}
