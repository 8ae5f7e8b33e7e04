package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/gapseal/gapseal/internal/term"
	"github.com/gapseal/gapseal/verify"
	"github.com/gapseal/gapseal/verify/check"
)

// openRows is how many rows a table may have to be open.
const openRows = 40

func evidenceSection(r *verify.Report) section {
	s := section{
		ID:    "evidence",
		Title: "Evidence",
		Note: "Signatures, attestations and other documents that came with the images. " +
			"Being present does not make them trusted; what was not judged proves nothing here.",
	}
	t := table{Title: "All evidence", Columns: []string{"Image", "Kind", "Digest", "Subject", "Judged"}}
	for i := range r.Images {
		for _, ev := range r.Images[i].Evidence {
			about := code(ev.Subject)
			if ev.Subject == r.Images[i].Digest {
				about = plain("the image")
			}
			t.Rows = append(t.Rows, []value{
				imageLink(i), plain(ev.Kind), code(ev.Digest), about, plain(yes(ev.Judged)),
			})
		}
	}
	if len(t.Rows) == 0 {
		s.Facts = []fact{{"Evidence", []value{plain("none could be read")}}}
	} else {
		t.Fold = len(t.Rows) > openRows
		s.Tables = append(s.Tables, t)
	}
	if left := leftOutTable(r); len(left.Rows) > 0 {
		s.Tables = append(s.Tables, left)
	}
	return s
}

// leftOutTable lists what export found and did not carry.
func leftOutTable(r *verify.Report) table {
	t := table{Title: "Left out by export", Columns: []string{"Image", "What", "Claims to be", "Subject", "Why"}}
	for i := range r.Images {
		for _, l := range r.Images[i].LeftOut {
			what := plain("its list of referrers")
			switch {
			case l.Digest != "":
				what = code(string(l.Digest))
			case l.Tag != "":
				what = code(string(l.Tag))
			}
			about := code(l.Subject)
			if l.Subject == r.Images[i].Digest {
				about = plain("the image")
			}
			t.Rows = append(t.Rows, []value{imageLink(i), what, plain(string(l.Type)), about, plain(l.Text)})
		}
	}
	t.Fold = len(t.Rows) > openRows
	return t
}

// blobsSection lists every blob, with the numbers of the images it belongs to.
func blobsSection(r *verify.Report) section {
	s := section{
		ID:    "blobs",
		Title: "Blobs",
		Note:  "The path of a blob in the bundle is blobs/sha256/ and the digits of its digest.",
	}
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
		t.Rows = append(t.Rows, []value{
			status(b.State),
			code(b.Digest),
			plain(strconv.FormatInt(b.Size, 10)),
			code(string(b.MediaType)),
			plain(strings.Join(b.Roles, ", ")),
			plain(strings.Join(of, ", ")),
		})
	}
	if len(t.Rows) == 0 {
		return s
	}
	t.Title = "All " + term.Count(len(t.Rows), "blob", "blobs")
	t.Fold = len(t.Rows) > openRows
	s.Tables = []table{t}
	return s
}

// checksSection has a table for each answer, failures first. The checks that
// passed are folded, those with the same answer in one row.
func checksSection(r *verify.Report) section {
	s := section{
		ID:    "checks",
		Title: "Checks",
		Note:  "Every question that was asked, causes before their consequences.",
	}
	for _, of := range []struct {
		status check.Status
		title  string
	}{{check.Fail, "Failed"}, {check.Warn, "Warnings"}, {check.Skip, "Skipped"}} {
		if t := answers(r, of.status); len(t.Rows) > 0 {
			t.Title = fmt.Sprintf("%s: %d", of.title, len(t.Rows))
			s.Tables = append(s.Tables, t)
		}
	}
	if t := passed(r); len(t.Rows) > 0 {
		s.Tables = append(s.Tables, t)
	}
	return s
}

// answers is the table of the checks with one answer, a row for each.
func answers(r *verify.Report, s check.Status) table {
	t := table{Columns: []string{"Answer", "Check", "Subject", "Finding"}}
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Status == s {
			t.Rows = append(t.Rows, []value{status(c.Status), checkID(c), code(string(c.Subject)), plain(foundOut(c))})
		}
	}
	t.Fold = len(t.Rows) > openRows
	return t
}

// checkID returns the id of a check. Ids come from gapseal's own table and are
// short enough never to be broken.
func checkID(c *verify.Check) value {
	return value{Text: term.Shown(string(c.ID)), Code: true, Whole: true}
}

// foundOut says in one line what a check found. The keys of trust.key are left
// out, since they have several lines.
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

// passed is the table of the checks that passed: a row for each answer, with all
// its subjects. Their digests are short here; the other tables have them in full.
func passed(r *verify.Report) table {
	t := table{Fold: true, Columns: []string{"Answer", "Check", "Finding", "Subjects"}}
	row := map[string]int{}
	var subjects [][]string // of each row
	n := 0
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Status != check.Pass {
			continue
		}
		n++
		key := string(c.ID) + "\x00" + c.Detail
		at, ok := row[key]
		if !ok {
			at = len(t.Rows)
			row[key] = at
			subjects = append(subjects, nil)
			t.Rows = append(t.Rows, []value{status(c.Status), checkID(c), plain(c.Detail), {}})
		}
		if c.Subject != "" {
			subjects[at] = append(subjects[at], term.Short(subject(string(c.Subject))))
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

func bundleSection(r *verify.Report) section {
	var f facts
	f.text("File", bundleName(r))
	f.text("Size", size(r.Bundle.Size))
	f.code("Identity", string(r.Bundle.Identity))
	f.code("SHA-256 of the file", string(r.Bundle.FileDigest))
	f.text("Judged as of", judgedAt(r))
	f.text("Host's clock", moment(&r.Clock.Host))
	f.text("Read", fmt.Sprintf("%s in %s", size(r.Totals.Bytes), term.Count(r.Totals.Blobs, "blob", "blobs")))
	f.text("Judged", size(r.Totals.JudgedBytes))
	f.text("Carried, not judged", size(r.Totals.UnjudgedBytes))
	return section{
		ID:    "bundle",
		Title: "Bundle",
		Note:  "The identity is the SHA-256 of index.json, which fixes every byte of a verified bundle.",
		Facts: f,
	}
}

// judgedAt gives the time of the verdict, and the clock that gave it.
func judgedAt(r *verify.Report) string {
	from := "the host's clock"
	if r.Clock.Source != "" && r.Clock.Source != "host" {
		from = r.Clock.Source + ", a waiver"
	}
	return moment(&r.VerifiedAt) + ", by " + from
}

// anchorsSection lists what was trusted beforehand, and the keys of the bundle,
// which are not trusted.
func anchorsSection(r *verify.Report) section {
	s := section{
		ID:    "anchors",
		Title: "Anchors",
		Note:  "What the operator trusted beforehand, received out of band.",
	}
	t := table{Title: "Pinned", Columns: []string{"Kind", "Fingerprint", "Pinned by", "Name", "Newest entry"}}
	for i := range r.Anchors {
		a := &r.Anchors[i]
		t.Rows = append(t.Rows, []value{
			plain(anchorKind(a.Kind)),
			code(string(a.Fingerprint)),
			plain(pinnedBy(a)),
			plain(string(a.Name)),
			plain(rootAge(r, a)),
		})
	}
	if len(t.Rows) == 0 {
		s.Facts = []fact{{"Anchors", []value{plain("none; nothing was trusted")}}}
	} else {
		s.Tables = append(s.Tables, t)
	}
	keys := table{
		Title:   "Keys found in the bundle, which does not make them trusted",
		Columns: []string{"Fingerprint", "Pinned"},
	}
	for _, k := range r.Keys {
		keys.Rows = append(keys.Rows, []value{code(k.Fingerprint), plain(yes(k.Pinned))})
	}
	if len(keys.Rows) > 0 {
		s.Tables = append(s.Tables, keys)
	}
	return s
}

var anchorKinds = map[string]string{
	"key":      "public key",
	"identity": "identity",
	"seal":     "seal key",
	"log":      "transparency log",
	"root":     "trusted root",
	"ca":       "certificate authority",
	"ctlog":    "certificate log",
	"tsa":      "timestamp authority",
}

func anchorKind(kind string) string { return cmp.Or(anchorKinds[kind], kind) }

func pinnedBy(a *verify.Anchor) string {
	switch a.Source {
	case "file":
		return "the file " + string(a.Path)
	case "fingerprint":
		return "its fingerprint, typed by the operator"
	case "built-in":
		return "gapseal itself (built in)"
	case "flag":
		return "the operator's flags"
	case "policy":
		if a.Path != "" {
			return "the policy, by the file " + string(a.Path)
		}
		return "the policy"
	}
	return a.Source
}

// rootAge says how old a trusted root is, by its newest entry.
func rootAge(r *verify.Report, a *verify.Anchor) string {
	switch {
	case a.Newest != nil:
		return entryAge(r, a)
	case a.Kind == "root":
		return "none that vouches for anything"
	}
	return ""
}

// runSection names the program that verified, and how it was called.
func runSection(r *verify.Report) section {
	var f facts
	f.text("Program", r.Tool.Name+" "+r.Tool.Version, given("built with ", r.Tool.Go))
	f.code("SHA-256 of the program", string(r.Tool.Digest))
	f.code("Command", term.Command(r.Command))
	f.text("Waivers", r.Waivers...)
	f.text("Schema of this report", r.Schema)
	return section{ID: "run", Title: "Verification", Facts: f}
}

// transferSection shows the transfer record, including what was not recorded.
func transferSection(r *verify.Report) section {
	s := section{
		ID:    "transfer",
		Title: "Transfer record",
		Note:  "As the people who carried the media wrote it down; no signature of the bundle covers it.",
	}
	if r.Transfer == nil {
		return s
	}
	var f facts
	for _, field := range r.Transfer.Fields() {
		if field.Value == "" {
			field.Value = "not recorded"
		}
		f.text(field.Label, field.Value)
	}
	s.Facts = f
	return s
}

func policySection(r *verify.Report) section {
	s := section{ID: "policy", Title: "Policy"}
	if r.Policy == nil {
		return s
	}
	var f facts
	f.text("Name", string(r.Policy.Name))
	f.text("File", r.Policy.Path)
	f.code("SHA-256 of the file", r.Policy.Digest)
	s.Facts = f
	return s
}

func lockSection(r *verify.Report) section {
	s := section{ID: "lock", Title: "Lock"}
	if r.Lock == nil {
		return s
	}
	s.Note = "The bundle was to hold exactly the images of this lock, under its names."
	var f facts
	f.text("File", string(r.Lock.Path))
	f.code("SHA-256 of the file", r.Lock.Digest)
	f.text("Form", r.Lock.Schema)
	f.text("Images", strconv.Itoa(r.Lock.Images))
	s.Facts = f
	return s
}

func sealSection(r *verify.Report) section {
	s := section{ID: "seal", Title: "Seal"}
	if r.Seal == nil {
		return s
	}
	s.Note = "A pinned seal key signed this over the inventory: nothing was added, removed or exchanged since."
	if r.Verdict != check.Verified {
		s.Note = "A pinned seal key signed this over the inventory. " +
			"The bundle is rejected: what it holds is not what was sealed, or not wanted."
	}
	var f facts
	f.code("Seal key", r.Seal.Key)
	f.text("Stream", r.Seal.Stream)
	f.text("Serial", strconv.FormatUint(r.Seal.Serial, 10))
	f.add("Exported", at(&r.Seal.ExportedAt))
	f.code("Inventory", r.Seal.Inventory)
	s.Facts = f
	return s
}
